//! Named input ports: what an arrow that ends at `node.port` is checked against.
//!
//! An operator with several inputs has, beside the function `f(edge, edge, ..)` that it is called by, two
//! functions in a module or a type of the same name: `f::inputs()` gives the witnesses of its inputs as a struct with a
//! field for each, and `f::with(inputs, ..)` is `f` for edges that are known by name.

use std::fmt;
use std::marker::PhantomData;

use super::edge::Slot;
use super::outputs::Nth;

/// The input port `I` of a node, which takes what the slot `S` takes: the witness.
pub struct Inlet<I, S>(PhantomData<fn() -> (I, S)>);

impl<I, S> Inlet<I, S> {
    /// The witness.
    pub const fn new() -> Self {
        Inlet(PhantomData)
    }

    /// The slot.
    pub fn slot(self) -> PhantomData<S>
    where
        S: Slot,
    {
        PhantomData
    }
}

impl<const N: usize, S> Inlet<Nth<N>, S> {
    /// The number of the port.
    pub const fn number(self) -> usize {
        N
    }
}

impl<I, S> Clone for Inlet<I, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I, S> Copy for Inlet<I, S> {}

impl<I, S> Default for Inlet<I, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I, S> fmt::Debug for Inlet<I, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inlet")
    }
}

/// The named input ports of a node: a struct with one [`Inlet`] a port.
pub trait Inlets: Copy {
    /// The ports with no arrow at any.
    type Unfed;

    /// The ports with no arrow at any.
    fn unfed(self) -> Self::Unfed;
}

/// Declares the named input ports of an operator of the library: a struct with one [`Inlet`] a port, whose
/// parameters are the slots. The names are those of [`name`](super::name).
macro_rules! inlets {
    ($(#[$doc:meta])* $inputs:ident { $($port:ident: $slot:ident @ $index:literal),* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $inputs<$($slot),*> {
            $(
                #[doc = concat!("The port `", stringify!($port), "`.")]
                pub $port: $crate::port::Inlet<$crate::port::Nth<$index>, $slot>,
            )*
        }

        impl<$($slot),*> $inputs<$($slot),*> {
            /// The witnesses.
            pub const fn new() -> Self {
                $inputs { $($port: $crate::port::Inlet::new()),* }
            }
        }

        impl<$($slot),*> Default for $inputs<$($slot),*> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<$($slot),*> Clone for $inputs<$($slot),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($slot),*> Copy for $inputs<$($slot),*> {}

        impl<$($slot),*> $crate::port::Inlets for $inputs<$($slot),*> {
            type Unfed = ($($crate::port::Unfed<$crate::port::name::$port>,)*);

            fn unfed(self) -> Self::Unfed {
                ($($crate::port::Unfed::<$crate::port::name::$port>::new(),)*)
            }
        }
    };
}
pub(crate) use inlets;

/// An input port at which no arrow ends; `N` is its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unfed<N>(PhantomData<N>);

impl<N> Unfed<N> {
    /// No arrow.
    pub const fn new() -> Self {
        Unfed(PhantomData)
    }
}

/// An input port at which an arrow ends.
#[derive(Clone, Copy, Debug)]
pub struct Fed;

/// An arrow that ends at the port with index `I`.
pub trait Feed<I> {
    /// The ports with that arrow.
    type Fed;

    /// The ports with that arrow.
    fn feed(self) -> Self::Fed;
}

/// At every input port an arrow ends.
pub trait AllFed {}

impl AllFed for Fed {}
impl<N: LeftUnfed> AllFed for Unfed<N> {}

/// Never implemented: the name of an input port at which no arrow ends.
#[diagnostic::on_unimplemented(
    message = "input `{Self}` of this node is not connected",
    label = "no arrow ends at `{Self}`",
    note = "every input takes one arrow, as in `origin -> node.{Self};`"
)]
pub trait LeftUnfed {}

/// Feeds each port of a tuple, whatever feeds the others, and none twice.
macro_rules! feed {
    ([$($before:ident)*]) => {
        impl<$($before: AllFed),*> AllFed for ($($before,)*) {}
    };
    ([$($before:ident)*] $name:ident $index:literal $($after:ident $later:literal)*) => {
        impl<$($before,)* $name, $($after),*> Feed<Nth<$index>>
            for ($($before,)* Unfed<$name>, $($after,)*)
        {
            type Fed = ($($before,)* Fed, $($after,)*);

            #[allow(non_snake_case)]
            fn feed(self) -> Self::Fed {
                let ($($before,)* _, $($after,)*) = self;
                ($($before,)* Fed, $($after,)*)
            }
        }

        feed! { [$($before)* $name] $($after $later)* }
    };
}

/// Every tuple of ports, from one to twelve.
macro_rules! every_length {
    ([$($slot:ident $field:tt)*]) => { every_length! { @ $($slot $field)* } };
    ([$($slot:ident $field:tt)*] $next:ident $number:tt $($more:tt)*) => {
        every_length! { @ $($slot $field)* }
        every_length! { [$($slot $field)* $next $number] $($more)* }
    };
    (@) => {};
    (@ $($slot:ident $field:tt)*) => {
        feed! { [] $($slot $field)* }
    };
}

every_length! { [] A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 J 8 K 9 L 10 M 11 }
