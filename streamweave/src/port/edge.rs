//! The witnesses of edges, and the slots at their ends.

use std::borrow::Borrow;
use std::fmt::{self, Debug};
use std::marker::PhantomData;

/// The start of an arrow: the output port with index `I` of a node, and what it carries.
pub struct Origin<I, D, T = (), R = ()>(Witness<(I, D, T, R)>);

/// An edge that carries `Update<D, T, R>`, as an operator's constructor receives it.
///
/// An operator is any public function whose first parameters are edges; `graph!` puts them there.
pub struct Edge<D, T = (), R = ()>(Witness<(D, T, R)>);

/// An edge into a node that only borrows its input as `A`: it takes any `D` that lends an `A`.
pub struct EdgeRef<A: ?Sized, D, T = (), R = ()>(PhantomData<fn(&A)>, Witness<(D, T, R)>);

/// What a source has in place of an edge.
#[derive(Clone, Copy, Debug)]
pub struct NoInput;

type Witness<X> = PhantomData<fn() -> X>;

impl<I, D, T, R> Origin<I, D, T, R> {
    /// The witness.
    pub const fn new() -> Self {
        Origin(PhantomData)
    }

    /// The edge that begins here.
    pub fn edge(self) -> Edge<D, T, R> {
        Edge::new()
    }
}

impl<D, T, R> Edge<D, T, R> {
    /// The witness.
    pub const fn new() -> Self {
        Edge(PhantomData)
    }
}

impl<A: ?Sized, D, T, R> EdgeRef<A, D, T, R> {
    /// The witness.
    pub const fn new() -> Self {
        EdgeRef(PhantomData, PhantomData)
    }
}

macro_rules! witness {
    ($name:ident<$($p:ident $(: ?$sized:ident)?),*>) => {
        impl<$($p $(: ?$sized)?),*> Clone for $name<$($p),*> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($p $(: ?$sized)?),*> Copy for $name<$($p),*> {}
        impl<$($p $(: ?$sized)?),*> Default for $name<$($p),*> {
            fn default() -> Self {
                Self::new()
            }
        }
        impl<$($p $(: ?$sized)?),*> Debug for $name<$($p),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

witness!(Origin<I, D, T, R>);
witness!(Edge<D, T, R>);
witness!(EdgeRef<A: ?Sized, D, T, R>);

/// A slot takes its input by value.
#[derive(Debug)]
pub struct ByValue;

/// A slot borrows its input, and what arrives is `D`.
#[derive(Debug)]
pub struct ByRef<D>(PhantomData<D>);

/// The end of an arrow as an operator declares it: the type of its parameter says what it takes.
pub trait Slot {
    /// The type that the slot takes.
    type Takes: ?Sized;
    /// [`ByValue`] or [`ByRef`].
    type Mode;
    /// The time that it takes.
    type Time;
    /// The diff that it takes.
    type Diff;

    /// The witness that the operator is called with.
    fn witness() -> Self;
}

impl<D, T, R> Slot for Edge<D, T, R> {
    type Takes = D;
    type Mode = ByValue;
    type Time = T;
    type Diff = R;

    fn witness() -> Self {
        Edge::new()
    }
}

impl<A: ?Sized, D: Borrow<A>, T, R> Slot for EdgeRef<A, D, T, R> {
    type Takes = A;
    type Mode = ByRef<D>;
    type Time = T;
    type Diff = R;

    fn witness() -> Self {
        EdgeRef::new()
    }
}

/// What can go along several arrows from one port.
#[diagnostic::on_unimplemented(
    message = "`{Self}` goes along several arrows, but cannot be cloned",
    label = "more than one arrow starts here",
    note = "derive `Clone` for it, or send it along one arrow only"
)]
pub trait FanOut {}

#[diagnostic::do_not_recommend]
impl<D: Clone> FanOut for D {}
