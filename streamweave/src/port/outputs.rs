//! The output ports of a node: their names and types, and what is attached to each.
//!
//! A port is attached by its index in the type of its [`Origin`], so that a node's ports are
//! wired by the very value that the user named (`hourly.late`). A port that nothing is attached
//! to stays [`Open`], which [`Wired`] refuses by name.

use std::fmt::Debug;

use super::edge::Origin;
use super::push::{Chain, Port, Push};
use crate::envelope::Update;
use crate::time::{Frontier, Noted, ProcessingTime, Reached, Timestamp};

/// The port number `N` of a node, counted from 0: an index as a type.
#[derive(Clone, Copy, Debug)]
pub struct Nth<const N: usize>;

/// The names of the library's own ports, as types, for the messages about open ones.
#[allow(non_camel_case_types)]
pub mod name {
    use super::{Chain, Open, Port, PortName};

    macro_rules! names {
        ($($(#[$doc:meta])* $name:ident)*) => {$(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl PortName for $name {
                type Or<S: Chain> = Open<$name>;

                fn or<S: Chain>(open: Open<$name>, _default: S) -> Open<$name> {
                    open
                }
            }
        )*};
    }

    names! {
        /// The main output.
        out
        /// What came too late.
        late
        /// What is ahead of the clock.
        future
        /// Where the function panicked.
        panics
        /// What a predicate is true of.
        matching
        /// What it is not true of, or what goes nowhere else.
        rest
        /// The first side of two, or of a pair.
        left
        /// The second side.
        right
        /// What comes first.
        first
        /// What comes after it.
        second
        /// The way number 0.
        to_0
        /// The way number 1.
        to_1
        /// The way number 2.
        to_2
        /// The way number 3.
        to_3
        /// What says that a loop was stopped.
        incomplete
        /// What comes into a loop first.
        lane0
        /// What comes into a loop second.
        lane1
        /// What comes into a loop third.
        lane2
        /// What comes into a loop fourth.
        lane3
        /// What comes into a loop fifth.
        lane4
        /// What comes into a loop sixth.
        lane5
        /// What comes into a loop seventh.
        lane6
        /// What comes into a loop eighth.
        lane7
    }

    /// What failed.
    #[derive(Clone, Copy, Debug)]
    pub struct err;

    /// The one port that a graph's default can stand in for.
    impl PortName for err {
        type Or<S: Chain> = Port<S>;

        fn or<S: Chain>(_open: Open<err>, default: S) -> Port<S> {
            Port::to(default)
        }
    }
}

/// The name of an output port, as a type.
pub trait PortName: Sized {
    /// The port where nothing is attached to it and the graph has the default `S` for what fails.
    type Or<S: Chain>;

    /// That port.
    fn or<S: Chain>(open: Open<Self>, default: S) -> Self::Or<S>;
}

/// A port with the graph's default for what fails attached, where it is an `err` port and open.
pub trait OrDefault<S> {
    /// The port, attached or as it was.
    type Port;

    /// That port.
    fn or(self, default: S) -> Self::Port;
}

impl<A, S> OrDefault<S> for Port<A> {
    type Port = Port<A>;

    #[inline(always)]
    fn or(self, _default: S) -> Port<A> {
        self
    }
}

impl<N: PortName, S: Chain> OrDefault<S> for Open<N> {
    type Port = N::Or<S>;

    #[inline(always)]
    fn or(self, default: S) -> N::Or<S> {
        N::or(self, default)
    }
}

/// The output ports of a node: a struct with one [`Origin`] a port, named as users write it.
pub trait Ports: Copy {
    /// The ports with nothing attached.
    type Open;
    /// The names, by index.
    const NAMES: &'static [&'static str];
    /// Whether what each carries has a time, by index.
    const TIMED: &'static [bool];

    /// The ports with nothing attached.
    fn open(self) -> Self::Open;
}

/// Whether a time of this type says anything: that of a stream without time is `()`.
pub const fn is_timed<T>() -> bool {
    size_of::<T>() > 0
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
    const TIMED: &'static [bool] = &[];

    fn open(self) {}
}

macro_rules! ports {
    ($(#[$doc:meta])* $ports:ident { $($port:ident: $data:ident @ $index:literal $time:ident $diff:ident),* } <$($p:ident),*>) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $ports<$($p),*> {
            $(
                #[doc = concat!("The port `", stringify!($port), "`.")]
                pub $port: Origin<Nth<$index>, $data, $time, $diff>,
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
            const TIMED: &'static [bool] = &[$(is_timed::<$time>()),*];

            fn open(self) -> Self::Open {
                ($(Open::<name::$port>::new(),)*)
            }
        }
    };
}

ports! {
    /// One output port, `out`.
    OnlyOut { out: B @ 0 T R } <B, T, R>
}
ports! {
    /// Two output ports: `out`, and `err` for what failed.
    OutErr { out: B @ 0 T R, err: E @ 1 U R } <B, T, E, U, R>
}
ports! {
    /// Two output ports: `out`, and `panics` for rows at which the function panicked.
    OutPanics { out: B @ 0 T R, panics: P @ 1 T R } <B, T, R, P>
}
ports! {
    /// Three output ports: `out`, `err` for what failed, and `panics` for rows at which the function panicked.
    OutErrPanics { out: B @ 0 T R, err: E @ 1 T R, panics: P @ 2 T R } <B, T, R, E, P>
}
ports! {
    /// Two output ports: `out`, and `late` for rows behind the frontier; those carry no time.
    OutLate { out: B @ 0 T R, late: L @ 1 U Q } <B, T, R, L, U, Q>
}
ports! {
    /// Two output ports: `out`, and `future` for rows ahead of the clock; those carry no time.
    OutFuture { out: B @ 0 T R, future: L @ 1 U Q } <B, T, R, L, U, Q>
}
ports! {
    /// Three output ports: `out`, `err` for what failed, and `future` for rows ahead of the clock.
    OutErrFuture { out: B @ 0 T R, err: E @ 1 U R, future: L @ 2 U R } <B, T, R, E, L, U>
}
ports! {
    /// Two output ports: `matching` for what a predicate is true of, and `rest`.
    MatchingRest { matching: B @ 0 T R, rest: B @ 1 T R } <B, T, R>
}
ports! {
    /// Two output ports for the two sides of a pair: `left` and `right`.
    LeftRight { left: A @ 0 T R, right: B @ 1 T R } <A, B, T, R>
}
ports! {
    /// Two ways: `to_0` and `to_1`.
    To2 { to_0: D @ 0 T R, to_1: D @ 1 T R } <D, T, R>
}
ports! {
    /// Three ways: `to_0` to `to_2`.
    To3 { to_0: D @ 0 T R, to_1: D @ 1 T R, to_2: D @ 2 T R } <D, T, R>
}
ports! {
    /// Four ways: `to_0` to `to_3`.
    To4 { to_0: D @ 0 T R, to_1: D @ 1 T R, to_2: D @ 2 T R, to_3: D @ 3 T R } <D, T, R>
}
ports! {
    /// Two ways, and `rest`.
    To2Rest { to_0: D @ 0 T R, to_1: D @ 1 T R, rest: D @ 2 T R } <D, T, R>
}
ports! {
    /// Three ways, and `rest`.
    To3Rest { to_0: D @ 0 T R, to_1: D @ 1 T R, to_2: D @ 2 T R, rest: D @ 3 T R } <D, T, R>
}
ports! {
    /// Four ways, and `rest`.
    To4Rest { to_0: D @ 0 T R, to_1: D @ 1 T R, to_2: D @ 2 T R, to_3: D @ 3 T R, rest: D @ 4 T R } <D, T, R>
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

/// What a port has emitted since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Emitted {
    /// So many rows.
    pub rows: u64,
    /// Its frontier.
    pub reached: Reached,
    /// Whether it is idle.
    pub is_idle: bool,
    /// When the frontier has moved last, where time is kept.
    pub since: Option<ProcessingTime>,
}

impl Emitted {
    #[inline(never)]
    fn advance(&mut self, noted: Noted, now: ProcessingTime) {
        let (reached, is_idle) = noted.read();
        if self.reached != reached {
            self.since = (now != ProcessingTime::MIN).then_some(now);
        }
        (self.reached, self.is_idle) = (reached, is_idle);
    }
}

/// What an operator emits into: a tuple of [`Port`]s, by index.
pub trait Outputs {
    /// See [`Chain::wake`].
    fn wake(&mut self);

    /// See [`Chain::settle`]; enters what each port has emitted, and how far it has come by `now`.
    fn settle(&mut self, ports: &mut [Emitted], now: ProcessingTime);
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
#[derive(Clone, Copy, Debug)]
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
    fn settle(&mut self, _ports: &mut [Emitted], _now: ProcessingTime) {}
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
            fn settle(&mut self, ports: &mut [Emitted], now: ProcessingTime) {
                $(
                    ports[$field].rows += std::mem::take(&mut self.$field.emitted);
                    if let Some(noted) = self.$field.noted.take() {
                        ports[$field].advance(noted, now);
                    }
                    self.$field.behind.settle();
                )*
            }
        }

        impl<$($slot: Connected),*> Connected for ($($slot,)*) {}

        impl<X: Clone, $($slot: OrDefault<X>),*> OrDefault<X> for ($($slot,)*) {
            type Port = ($($slot::Port,)*);

            #[inline(always)]
            fn or(self, default: X) -> Self::Port {
                ($(self.$field.or(default.clone()),)*)
            }
        }
    )*};
}

/// Attaches to each port of a tuple, whatever is attached to the others, and to none twice.
macro_rules! attach {
    ([$($before:ident)*]) => {
        /// All ports are attached: what comes on top has been reported already where its port was named.
        impl<I, S, $($before),*> Attach<I, S> for ($(Port<$before>,)*) {
            type Attached = Self;

            #[inline(always)]
            fn attach(self, _behind: S) -> Self {
                self
            }
        }
    };
    ([$($before:ident)*] $name:ident $index:literal $($after:ident $later:literal)*) => {
        impl<S, $($before,)* $name, $($after),*> Attach<Nth<$index>, S>
            for ($($before,)* Open<$name>, $($after,)*)
        {
            type Attached = ($($before,)* Port<S>, $($after,)*);

            #[inline(always)]
            #[allow(non_snake_case)]
            fn attach(self, behind: S) -> Self::Attached {
                let ($($before,)* _, $($after,)*) = self;
                ($($before,)* Port::to(behind), $($after,)*)
            }
        }

        attach! { [$($before)* $name] $($after $later)* }
    };
}

/// A node without ports has been reported already where one was named.
impl<I, S> Attach<I, S> for () {
    type Attached = ();

    fn attach(self, _behind: S) {}
}

impl<S> OrDefault<S> for () {
    type Port = ();

    fn or(self, _default: S) {}
}

/// Every tuple of ports, from one to [`MAX_PORTS`].
macro_rules! every_length {
    ([$($slot:ident $field:tt)*]) => { every_length! { @ $($slot $field)* } };
    ([$($slot:ident $field:tt)*] $next:ident $number:tt $($more:tt)*) => {
        every_length! { @ $($slot $field)* }
        every_length! { [$($slot $field)* $next $number] $($more)* }
    };
    (@) => {};
    (@ $($slot:ident $field:tt)*) => {
        tuples! { ($($slot.$field),*) }
        attach! { [] $($slot $field)* }
    };
}

every_length! { [] A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 J 8 K 9 L 10 M 11 }

/// The greatest number of output ports of one node.
pub const MAX_PORTS: usize = 12;
