//! Operators: what stands at a node of a graph, and the contract between it and the worker.
//!
//! An operator is a value with three faces:
//!
//! - [`Operator`]: its life in the worker, whatever it is connected to;
//! - [`Input`]: one input port, implemented for everything that the port takes;
//! - [`Resume`]: what it does of its own accord (a source's batch, a finished call).
//!
//! What a user writes in `graph!` is a function that takes the incoming edges first and returns a
//! [`Node`] or a [`Linear`]: the operator together with the types of its output ports.
//!
//! # Contract
//!
//! 1. `push` and `advance` run to completion, do not block and do not wait.
//! 2. Whatever `advance` makes possible is emitted before the frontier is handed on (rule A11).
//! 3. An operator hands on every frontier that its own state does not hold back, and the end last.
//! 4. Output depends on the rows and frontiers received, in their order, and on nothing else: no
//!    batch boundary, no random hasher, no clock but the graph's ([`rate`]) (rule Z1).
//! 5. Every row received is accounted for: [`Operator::OUTCOME`] or [`Cx`] says how (rule Z2).

pub mod asynchronous;
pub mod custom;
pub mod element;
pub mod flow;
pub mod join;
pub mod keyed;
pub mod order;
pub mod rate;
pub mod sequence;
pub mod window;

mod agenda;
mod aggregate;
mod arrival_time;
mod blame;
mod books;
mod bound;
mod boundary;
mod durable;
mod event_time;
mod logical_time;
mod shared;
mod stage;
mod turn;

use std::borrow::Cow;
use std::task::Poll;

use crate::envelope::Update;
use crate::port::{Edge, MatchingRest, NoInput, OnlyOut, OutErr, Ports};
use crate::time::{Frontier, Timestamp};

pub(crate) use blame::{Panicked, blaming, inside, watched};

pub use agenda::Agenda;
pub use aggregate::{
    Addable, Aggregate, Collect, Count, DistinctCount, ExactMean, ExactSum, Extremes, First, Folded, Last,
    Max, Mean, Merge, Min, Retract, Subtractable, Sum, TopN, Variance,
};
pub use arrival_time::{ArrivalTime, arrival_time};
pub use books::NodeReport;
pub use bound::{
    Aggregates, Awaitable, CoGroups, Comparable, Function, Items, Key, Ordered, Promise, Ranked, Repeatable,
    Sortable, Step, Summand, View, Windowing,
};
pub(crate) use bound::{Never, bounds};
pub use boundary::{Entry, EntryAt, Exit, ExitAt, Queue, entry, exit};
pub use durable::{Commits, Durable, Replays};
pub(crate) use durable::{durable, state, visit_each};
pub use event_time::{Ahead, AheadAtMost, AssignTime, Extracted, MissingTime, TryAssignTime, event_time};
pub use logical_time::{
    AssignEpochs, ToChanges, ToLog, Untimed, epochs, from_start, to_changes, to_log, untimed,
};
pub use shared::{InPort, Shared};
pub(crate) use stage::BOOKS;
pub use stage::{Batch, Counters, Cx, Placed, Stage};
pub(crate) use turn::Held;
pub use turn::Turn;

/// Why a source, a sink or an operator gave up.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// How urgently a sink is to bring its rows to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flush {
    /// A batch is done and more input is at hand: write what fills a block.
    Batch,
    /// No input is at hand, or none has been written for a while: write everything.
    Idle,
    /// The graph has ended: write everything and close.
    Close,
}

/// Where in what an operator has taken a marker stands, by the operator's own count.
#[doc(hidden)]
pub type Mark = Option<u64>;

/// The life of an operator in its worker.
pub trait Operator {
    /// What the result of a run holds for this operator where it is a named sink.
    type Yield;

    /// What becomes of a row that it receives.
    const OUTCOME: Outcome;

    /// Whether it has work of its own; only then are `poll` and `resume` called.
    const ACTIVE: bool = false;

    /// Whether it asks [`Cx::now`].
    const USES_CLOCK: bool = false;

    /// Whether it acts because nothing came: then it finds no [room](Operator::opened) while a source that leads
    /// to it is held back, for then something may have come (rule A7).
    const HEEDS_SILENCE: bool = false;

    /// Whether it holds a graph, whose nodes are asked one by one what operators are asked.
    #[doc(hidden)]
    const NESTS: bool = false;

    /// Whether it is a source that gives rows again which it gave after the last checkpoint: it [`Replays`].
    const REPLAYS: bool = false;

    /// Whether it is a sink that drops what it is given in any case, or takes only what failed: it does
    /// not say whether anybody still sees what the graph does, see [`is_gone`](Operator::is_gone).
    const LEADS_NOWHERE: bool = false;

    /// Refuses a configuration that cannot work, before the first row.
    ///
    /// # Errors
    ///
    /// Says what is wrong with which parameter.
    fn validate(&mut self) -> Result<(), Cause> {
        Ok(())
    }

    /// [`USES_CLOCK`](Operator::USES_CLOCK), where that depends on what is in the operator.
    fn uses_clock(&self) -> bool {
        Self::USES_CLOCK
    }

    /// Whether the input port can take a batch now. A source is taken from only if every port
    /// that it reaches is ready.
    ///
    /// An operator that is not ready because of what it has under way is not [idle](Operator::idle) either. One
    /// that is idle waits for rows of another source; where every source is held back in that way, one is
    /// taken from nevertheless: a port has to take what comes.
    fn ready(&mut self, _port: usize) -> bool {
        true
    }

    /// Ready when `resume` has something to do; otherwise arranges for a wake-up.
    ///
    /// # Errors
    ///
    /// A source that cannot be read; the run ends with it.
    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Pending
    }

    /// Brings to the outside what the last batches left in the operator.
    ///
    /// Until it is ready no source that reaches a sink is taken from: this is the back-pressure. (An operator with outputs
    /// that writes to the outside, too, holds its sources by [`ready`](Operator::ready).)
    ///
    /// # Errors
    ///
    /// A sink that cannot be written to; the run ends with it.
    fn poll_flush(&mut self, _turn: &mut Turn<'_, '_>, _flush: Flush) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    /// Forgets what it took since it was last flushed, because the batch failed; gives how many rows.
    ///
    /// A sink that hands rows on only when it is flushed thereby keeps a failed batch from the outside
    /// (rule K1).
    fn abandon(&mut self) -> u64 {
        0
    }

    /// How many rows a source has taken from outside and not emitted yet: they are gone with it, unless it
    /// [replays](Replays).
    fn taken_ahead(&mut self) -> u64 {
        0
    }

    /// The books of the nodes of a graph inside this operator.
    fn inside(&mut self) -> Vec<NodeReport> {
        Vec::new()
    }

    /// Learns, after it was ready when polled, that there is room behind for what it will emit.
    ///
    /// Only an operator that keeps rows back for the sake of a slow sink needs to know.
    fn opened(&mut self) {}

    /// Whether a thread of its own is at work for it, which will wake it: a test waits for that, and for
    /// nothing else.
    fn is_served(&mut self) -> bool {
        false
    }

    /// What it waits for, where that is worth telling: `3 calls in flight`.
    fn waits_for(&mut self) -> Option<Cow<'static, str>> {
        None
    }

    /// Whether nobody can see any more what this sink does: its pipe is closed, its receiver dropped.
    ///
    /// Such a sink drops what it is given and keeps no one waiting. Once every sink of a graph has
    /// gone, but for those that [lead nowhere](Operator::LEADS_NOWHERE), the graph drains, without an
    /// error. Where it keeps checkpoints it takes no more of them, and goes on from the last one when it is
    /// run again. A graph all of whose sinks lead nowhere runs to its end: its nodes may do things.
    fn is_gone(&mut self) -> bool {
        false
    }

    /// Learns that it stands in a loop, and where to say at which times it has work.
    ///
    /// An operator that keeps rows until their time is closed [notes](Agenda::note) that time when the first of them comes.
    fn enters_loop(&mut self, _agenda: &Agenda) {}

    /// Whether nothing is under way inside the operator that could still emit.
    fn idle(&mut self) -> bool {
        true
    }

    /// Whether all that it has taken before `mark` has gone: it holds none of it any more.
    ///
    /// The mark is `None` when it comes, and the operator's own from then on. Asked between two batches, of the nodes of a circle that
    /// `#[feedback(..)]` closes. What an operator cannot tell apart it holds until it is [idle](Operator::idle).
    #[doc(hidden)]
    fn has_passed(&mut self, _mark: &mut Mark) -> bool {
        self.idle()
    }

    /// What the run yields; called once, after the last flush.
    fn finish(&mut self) -> Self::Yield;
}

/// What becomes of the rows that an operator receives: how the books are kept (rule Z2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Each is passed on as exactly one row, by [`Port::pass`](crate::port::Port::pass).
    Passed,
    /// Each is passed on as one row, to one of the ports, or filtered out.
    PassedOrFiltered,
    /// Each is absorbed: a sink, or an operator that makes one row of many.
    Absorbed,
    /// The operator enters each row into the books itself, through [`Cx`].
    Tallied,
}

/// One input port of an operator, which takes `Update<D, T, R>` and emits into `Outs`.
pub trait Input<const PORT: usize, D, T: Timestamp, R, Outs>: Operator {
    /// Takes a row.
    fn push(&mut self, row: Update<D, T, R>, outs: &mut Outs, cx: &mut Cx);

    /// Learns that nothing before `frontier` is still to come at this port.
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, cx: &mut Cx);
}

/// What an operator does of its own accord.
pub trait Resume<Outs>: Operator {
    /// Emits what is at hand: at most [`Cx::budget`] rows of a source, or the calls that finished.
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::Ended
    }
}

/// How a source goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more.
    More,
    /// It has emitted its end, and is not resumed again.
    Ended,
}

/// An operator with the types of its output ports: what an operator's constructor returns.
#[derive(Clone, Debug)]
pub struct Node<O, P> {
    operator: O,
    ports: P,
}

impl<O: Operator, P: Ports> Node<O, P> {
    /// Puts an operator and its ports together.
    pub fn new(operator: O, ports: P) -> Self {
        Node { operator, ports }
    }

    /// The same with another setting of the operator.
    pub(crate) fn map_operator(self, f: impl FnOnce(O) -> O) -> Self {
        Node { operator: f(self.operator), ports: self.ports }
    }
}

/// A linear operator: its ports carry the time and the diff of its input, whatever they are.
#[derive(Clone, Debug)]
pub struct Linear<O, K> {
    operator: O,
    ports: K,
}

impl<O: Operator, K> Linear<O, K> {
    /// Puts an operator and what its ports carry together.
    pub fn new(operator: O, ports: K) -> Self {
        Linear { operator, ports }
    }

    /// The operator alone.
    pub(crate) fn into_operator(self) -> O {
        self.operator
    }
}

/// The ports of a [`Linear`] node behind an edge that carries `Update<D, T, R>`.
pub trait Behind<D, T, R> {
    /// The ports.
    type Ports: Ports;

    /// The witnesses.
    fn ports(self) -> Self::Ports;
}

/// A linear node with the one output `out`.
#[derive(Clone, Copy, Debug)]
pub struct Gives<B>(std::marker::PhantomData<fn() -> B>);

/// A linear node with the outputs `out` and `err`.
#[derive(Clone, Copy, Debug)]
pub struct GivesOrFails<B, E>(std::marker::PhantomData<fn() -> (B, E)>);

/// A linear node with the outputs `matching` and `rest`.
#[derive(Clone, Copy, Debug)]
pub struct GivesEither<B>(std::marker::PhantomData<fn() -> B>);

/// As [`GivesOrFails`], where the failed input goes along: the node only borrowed it.
#[derive(Clone, Copy, Debug)]
pub struct GivesOrReturns<B, E>(std::marker::PhantomData<fn() -> (B, E)>);

macro_rules! witness {
    ($($name:ident<$($p:ident),*>),*) => {$(
        impl<$($p),*> $name<$($p),*> {
            /// The witness.
            pub const fn new() -> Self {
                $name(std::marker::PhantomData)
            }
        }

        impl<$($p),*> Default for $name<$($p),*> {
            fn default() -> Self {
                Self::new()
            }
        }
    )*};
}

witness!(Gives<B>, GivesEither<B>, GivesOrFails<B, E>, GivesOrReturns<B, E>);

impl<B, D, T, R> Behind<D, T, R> for Gives<B> {
    type Ports = OnlyOut<B, T, R>;

    fn ports(self) -> Self::Ports {
        OnlyOut::new()
    }
}

impl<B, D, T, R> Behind<D, T, R> for GivesEither<B> {
    type Ports = MatchingRest<B, T, R>;

    fn ports(self) -> Self::Ports {
        MatchingRest::new()
    }
}

impl<B, E, D, T, R> Behind<D, T, R> for GivesOrFails<B, E> {
    type Ports = OutErr<B, T, crate::envelope::Failed<(), E>, T, R>;

    fn ports(self) -> Self::Ports {
        OutErr::new()
    }
}

impl<B, E, D, T, R> Behind<D, T, R> for GivesOrReturns<B, E> {
    type Ports = OutErr<B, T, crate::envelope::Failed<D, E>, T, R>;

    fn ports(self) -> Self::Ports {
        OutErr::new()
    }
}

/// What can stand at a node of a graph, behind an edge `W`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operator, or not a finished one",
    label = "this cannot stand at a node",
    note = "an operator is a function that takes its incoming edges first and returns a `Node`; a window, for one, is finished by `.aggregate(..)`"
)]
pub trait IntoNode<W> {
    /// The operator.
    type Operator: Operator;
    /// Its output ports.
    type Ports: Ports;

    /// Takes both apart.
    fn into_node(self, edge: W) -> (Self::Operator, Self::Ports);
}

impl<O: Operator, P: Ports, W> IntoNode<W> for Node<O, P> {
    type Operator = O;
    type Ports = P;

    fn into_node(self, _edge: W) -> (O, P) {
        (self.operator, self.ports)
    }
}

impl<O: Operator, K: Behind<D, T, R>, D, T, R> IntoNode<Edge<D, T, R>> for Linear<O, K> {
    type Operator = O;
    type Ports = K::Ports;

    fn into_node(self, _edge: Edge<D, T, R>) -> (O, K::Ports) {
        (self.operator, self.ports.ports())
    }
}

/// Where the arrow into it was forgotten, which rustc says of its arguments.
impl<O: Operator, K: Behind<(), (), ()>> IntoNode<NoInput> for Linear<O, K> {
    type Operator = O;
    type Ports = K::Ports;

    fn into_node(self, _edge: NoInput) -> (O, K::Ports) {
        (self.operator, self.ports.ports())
    }
}

/// Implements what an operator without a result, without work of its own and with nothing to
/// flush has to say; `Name, Outcome` for one that keeps nothing, `Name, Outcome, keeps` for one that says itself what it keeps.
macro_rules! passive {
    ($name:ident $(<$($p:ident $(: ?$unsized:ident)?),*>)?, $outcome:ident) => {
        $crate::operator::passive!($name $(<$($p $(: ?$unsized)?),*>)?, $outcome, keeps);
        $crate::operator::durable!($name $(<$($p $(: ?$unsized)?),*>)? keeps {});
    };
    ($name:ident $(<$($p:ident $(: ?$unsized:ident)?),*>)?, $outcome:ident, keeps) => {
        impl $(<$($p $(: ?$unsized)?),*>)? $crate::operator::Operator for $name $(<$($p),*>)? {
            type Yield = ();
            const OUTCOME: $crate::operator::Outcome = $crate::operator::Outcome::$outcome;

            fn finish(&mut self) {}
        }

        impl<$($($p $(: ?$unsized)?,)*)? Outs> $crate::operator::Resume<Outs> for $name $(<$($p),*>)? {}
    };
}
pub(crate) use passive;
