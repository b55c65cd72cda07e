//! The output ports of a node: their names and types, and what is attached to each.
//!
//! A port is attached by its index in the type of its [`Origin`], so that a node's ports are
//! wired by the very value that the user named (`hourly.late`). A port that nothing is attached
//! to stays [`Open`], which [`Wired`] refuses by name.

use std::fmt::Debug;

use super::edge::Origin;
use super::push::{Chain, Port, Push};
use crate::envelope::Update;
use crate::time::{Frontier, Timestamp};

/// The index of an output port.
pub trait IsPort {
    /// The index as a number.
    const INDEX: usize;
}

macro_rules! indices {
    ($($name:ident = $index:literal),*) => {$(
        #[doc = concat!("The output port number ", stringify!($index), ".")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl IsPort for $name {
            const INDEX: usize = $index;
        }
    )*};
}

indices!(P0 = 0, P1 = 1, P2 = 2, P3 = 3);

/// The names of the library's own ports, as types, for the messages about open ones.
#[allow(non_camel_case_types)]
pub mod name {
    /// The main output.
    #[derive(Clone, Copy, Debug)]
    pub struct out;
    /// What failed.
    #[derive(Clone, Copy, Debug)]
    pub struct err;
    /// What came too late.
    #[derive(Clone, Copy, Debug)]
    pub struct late;
    /// What a predicate is true of.
    #[derive(Clone, Copy, Debug)]
    pub struct matching;
    /// What it is not true of.
    #[derive(Clone, Copy, Debug)]
    pub struct rest;
}

/// The output ports of a node: a struct with one [`Origin`] a port, named as users write it.
pub trait Ports: Copy {
    /// The ports with nothing attached.
    type Open;
    /// The names, by index.
    const NAMES: &'static [&'static str];

    /// The ports with nothing attached.
    fn open(self) -> Self::Open;
}

/// A port to which nothing is attached; `N` is its name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open<N>(std::marker::PhantomData<N>);

impl<N> Open<N> {
    /// Nothing attached.
    pub const fn new() -> Self {
        Open(std::marker::PhantomData)
    }
}

/// The ports of a sink: none. rustc shows this name where an arrow starts at a sink.
#[derive(Clone, Copy, Debug)]
pub struct SinkWithoutOutputs;

/// What a sink's constructor names: [`SinkWithoutOutputs`], for short.
pub type NoPorts = SinkWithoutOutputs;

/// The ports of a sink.
#[allow(non_upper_case_globals)]
pub const NoPorts: NoPorts = SinkWithoutOutputs;

impl Ports for SinkWithoutOutputs {
    type Open = ();
    const NAMES: &'static [&'static str] = &[];

    fn open(self) {}
}

macro_rules! ports {
    ($(#[$doc:meta])* $ports:ident { $($port:ident: $data:ident @ $index:ident $time:ident $diff:ident),* } <$($p:ident),*>) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $ports<$($p),*> {
            $(
                #[doc = concat!("The port `", stringify!($port), "`.")]
                pub $port: Origin<$index, $data, $time, $diff>,
            )*
        }

        impl<$($p),*> $ports<$($p),*> {
            /// The ports as witnesses.
            pub const fn new() -> Self {
                $ports { $($port: Origin::new()),* }
            }
        }

        impl<$($p),*> Default for $ports<$($p),*> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<$($p),*> Clone for $ports<$($p),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($p),*> Copy for $ports<$($p),*> {}

        impl<$($p),*> Ports for $ports<$($p),*> {
            type Open = ($(Open<name::$port>,)*);
            const NAMES: &'static [&'static str] = &[$(stringify!($port)),*];

            fn open(self) -> Self::Open {
                ($(Open::<name::$port>::new(),)*)
            }
        }
    };
}

ports! {
    /// One output port, `out`.
    Out { out: B @ P0 T R } <B, T, R>
}
ports! {
    /// Two output ports: `out`, and `err` for what failed.
    OutErr { out: B @ P0 T R, err: E @ P1 U R } <B, T, E, U, R>
}
ports! {
    /// Two output ports: `out`, and `late` for rows behind the frontier; those carry no time.
    OutLate { out: B @ P0 T R, late: L @ P1 U Q } <B, T, R, L, U, Q>
}
ports! {
    /// Two output ports: `matching` for what a predicate is true of, and `rest`.
    MatchingRest { matching: B @ P0 T R, rest: B @ P1 T R } <B, T, R>
}

/// Attaches `S` to the port with index `I`.
pub trait Attach<I, S> {
    /// The ports with `S` attached.
    type Attached;

    /// Attaches it.
    fn attach(self, behind: S) -> Self::Attached;
}

/// The output ports with everything attached that the graph attaches.
pub trait Wired: Sized {
    /// What the operator emits into.
    type Outputs: Outputs;

    /// What the operator emits into; a port left open leads nowhere.
    fn outputs(self) -> Self::Outputs;
}

/// What an operator emits into: a tuple of [`Port`]s, by index.
pub trait Outputs {
    /// See [`Chain::wake`].
    fn wake(&mut self);

    /// See [`Chain::settle`]; adds the rows emitted to `emitted`, by port.
    fn settle(&mut self, emitted: &mut [u64]);
}

/// One port of [`Wired`].
pub trait At {
    /// What stands behind the port.
    type Behind: Chain;

    /// The port to emit into.
    fn port(self) -> Port<Self::Behind>;
}

impl<S: Chain> At for Port<S> {
    type Behind = S;

    #[inline(always)]
    fn port(self) -> Port<S> {
        self
    }
}

impl<N> At for Open<N> {
    type Behind = Nowhere;

    fn port(self) -> Port<Nowhere> {
        Port::to(Nowhere)
    }
}

/// What stands behind a port left open. The open port has been reported, so nothing runs into it.
#[derive(Debug)]
pub struct Nowhere;

impl Chain for Nowhere {
    fn wake(&mut self) {}
    fn settle(&mut self) {}
}

impl<D, T: Timestamp, R> Push<D, T, R> for Nowhere {
    fn push(&mut self, _row: Update<D, T, R>) {}
    fn advance(&mut self, _frontier: Frontier<T>) {}
}

/// Every output port is attached.
pub trait Connected {}

impl<S> Connected for Port<S> {}
impl<N: LeftOpen> Connected for Open<N> {}

/// Never implemented: the name of a port that nothing is attached to.
#[diagnostic::on_unimplemented(
    message = "port `{Self}` of this node is open",
    label = "connect `{Self}`, or send it to `discard`",
    note = "every port goes somewhere: an arrow starts at it, as in `node.{Self} -> discard;`"
)]
pub trait LeftOpen {}

impl Wired for () {
    type Outputs = ();

    fn outputs(self) {}
}

impl Outputs for () {
    fn wake(&mut self) {}
    fn settle(&mut self, _emitted: &mut [u64]) {}
}

impl Connected for () {}

macro_rules! tuples {
    ($(($($slot:ident . $field:tt),*))*) => {$(
        impl<$($slot: At),*> Wired for ($($slot,)*) {
            type Outputs = ($(Port<$slot::Behind>,)*);

            #[inline(always)]
            fn outputs(self) -> Self::Outputs {
                ($(self.$field.port(),)*)
            }
        }

        impl<$($slot: Chain),*> Outputs for ($(Port<$slot>,)*) {
            #[inline(always)]
            fn wake(&mut self) {
                $(self.$field.behind.wake();)*
            }

            #[inline(always)]
            fn settle(&mut self, emitted: &mut [u64]) {
                $(
                    emitted[$field] += self.$field.emitted;
                    self.$field.emitted = 0;
                    self.$field.behind.settle();
                )*
            }
        }

        impl<$($slot: Connected),*> Connected for ($($slot,)*) {}
    )*};
}

tuples! { (A.0) (A.0, B.1) (A.0, B.1, C.2) (A.0, B.1, C.2, D.3) }

/// A node without ports has been reported already where one was named.
impl<I, S> Attach<I, S> for () {
    type Attached = ();

    fn attach(self, _behind: S) {}
}

macro_rules! attach {
    ($($index:ident: ($($before:ident),*) [$open:ident] ($($after:ident),*);)*) => {$(
        impl<S, $($before,)* $open, $($after),*> Attach<$index, S>
            for ($($before,)* Open<$open>, $($after,)*)
        {
            type Attached = ($($before,)* Port<S>, $($after,)*);

            #[inline(always)]
            #[allow(non_snake_case)]
            fn attach(self, behind: S) -> Self::Attached {
                let ($($before,)* _, $($after,)*) = self;
                ($($before,)* Port::to(behind), $($after,)*)
            }
        }
    )*};
}

/// All ports are attached: what comes on top has been reported already where its port was named.
macro_rules! attached {
    ($(($($slot:ident),+))*) => {$(
        impl<I, S, $($slot),+> Attach<I, S> for ($(Port<$slot>,)+) {
            type Attached = Self;

            #[inline(always)]
            fn attach(self, _behind: S) -> Self {
                self
            }
        }
    )*};
}

attached! { (A) (A, B) (A, B, C) (A, B, C, D) }

attach! {
    P0: () [N] ();
    P0: () [N] (B);
    P0: () [N] (B, C);
    P0: () [N] (B, C, D);
    P1: (A) [N] ();
    P1: (A) [N] (C);
    P1: (A) [N] (C, D);
    P2: (A, B) [N] ();
    P2: (A, B) [N] (D);
    P3: (A, B, C) [N] ();
}
