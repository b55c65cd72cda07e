//! What macro output may name. Exempt from semantic versioning: do not use it by hand.

use std::marker::PhantomData;

use crate::operator::flow::{Merge, merge_all};
use crate::port::OnlyOut;

/// What an arrow that goes back expands to.
pub mod circle {
    pub use crate::operator::flow::circle::{Circle, entrance, has_ended, is_active, send_back};
}

/// What a loop expands to.
pub mod iterate {
    pub use crate::differential::iterate::{
        Around, Limit, Signal, enter, feedback, iterate, leave, until, variable, variable_from_nothing,
    };
    pub use crate::operator::Agenda;
}

pub use crate::envelope::{Diff, Envelope, FlowsAsDiff, FlowsAsTime, Update};
pub use crate::executor::{
    AtLeastOnce, Command, Component, ENDLESS, ExactlyOnce, Gone, Graph, Io, Nested, ROOM, Receiver, Reply,
    Sender, Volatile, Yielded,
};
pub use crate::graph::{EdgeInfo, NodeInfo, Report, Topology};
pub use crate::operator::asynchronous::{
    Again, Always, AsyncCalls, Call, Guarded, Keeps, Nothing, Plain, blocking, breaking, keeping_input,
    retried,
};
pub use crate::operator::custom::{
    ByAlarm, Cx as NodeCx, NoAlarm, NoContext, NoFrontier, NoTimer, OnUpdate, OnValue, Out, RouteInto,
    Routes, Seeing, Sends, SendsRef, Stateful, Value, Whole, route,
};
pub use crate::operator::element::{
    FilterMap, FilterMapRef, FlatMap, FlatMapRef, Many, Map, MapRef, OptionLike, ResultLike, SetsAside,
    TryMap, TryMapRef,
};
pub use crate::operator::flow::{Overflow, buffer};
pub use crate::operator::{Behind, EntryAt, ExitAt, Node, Queue, entry, exit};
pub use crate::operator::{Gives, GivesOrFails, GivesOrReturns, IntoNode, Linear, Operator, Placed, Shared};
pub use crate::port::{
    AllFed, Along, Attach, ByRef, ByValue, Chain, Conduct, Connected, Edge, EdgeRef, FanOut,
    Feed as FeedPort, Inlet, Inlets, Lends, Lent, NoInput, Nowhere, Nth, Open, OrDefault, Origin, Port,
    PortName, Ports, Push, Slot, Tee, Unfed, cut, deliver, is_timed, name,
};
pub use crate::sink::on_error;
pub use crate::testing::{Feed, Harness, Tap};
pub use crate::time::{EventTime, Frontier, ProcessingTime, SystemClock, Timestamp};
pub use streamweave_macros::graph;

/// A node whose function may panic at a row.
pub fn set_aside<N: SetsAside<M>, M>(node: N) -> M {
    node.set_aside()
}

/// Places an operator behind an edge.
pub fn place<N, W, O, P>(node: N, edge: W) -> (Placed<O>, P)
where
    N: IntoNode<W, Operator = O, Ports = P>,
    O: Operator,
{
    let (operator, ports) = node.into_node(edge);
    (Placed::new(operator), ports)
}

/// The end of an edge: the operator that is called with the witness says what it is.
pub fn end<S: Slot>() -> (PhantomData<S::Itself>, S) {
    (PhantomData, S::witness())
}

/// The end of an edge that names the port: the port says what it takes.
pub fn end_at<I, S: Slot>(_inlet: Inlet<I, S>) -> (PhantomData<S::Itself>, S) {
    (PhantomData, S::witness())
}

/// The node at the end of an edge.
pub fn node_at<S: Slot, N>(_slot: PhantomData<S>, node: N) -> S::Node<N> {
    S::node(node)
}

/// The witness that an operator is called with.
pub fn witness<S: Slot>(_slot: PhantomData<S>) -> S {
    S::witness()
}

/// An edge, by the closures that take rows and frontiers along it.
pub fn along<I, D, T, R, S, F, G>(
    _origin: Origin<I, D, T, R>,
    _slot: PhantomData<S>,
    row: F,
    frontier: G,
) -> Along<F, G>
where
    T: Timestamp,
    S: Slot,
    F: Fn(Update<D, T, R>) -> Update<S::Arrives, S::Time, S::Diff> + Copy,
    G: Fn(Frontier<T>) -> Frontier<S::Time> + Copy,
{
    Along::new(row, frontier)
}

/// How what a port carries goes along several arrows.
pub fn fan<I, D, T, R, F: Fn(&D) -> D + Copy>(_origin: Origin<I, D, T, R>, duplicate: F) -> F {
    duplicate
}

/// Another of the same.
#[inline(always)]
pub fn duplicate<D: FanOut>(row: &D) -> D {
    row.duplicate()
}

/// Attaches what stands behind a port.
#[inline(always)]
pub fn attach<I, D, T, R, W: Attach<I, S>, S>(
    _origin: Origin<I, D, T, R>,
    wires: W,
    behind: S,
) -> W::Attached {
    wires.attach(behind)
}

/// Checks that every output port is attached.
pub fn all_connected<W: Connected>(_wires: W) {}

/// Notes the arrow that ends at an input port.
pub fn feed<I, S, P: FeedPort<I>>(_inlet: Inlet<I, S>, ports: P) -> P::Fed {
    ports.feed()
}

/// Checks that an arrow ends at every input port.
pub fn all_fed<P: AllFed>(_ports: P) {}

/// Panics unless the books balance.
#[track_caller]
pub fn assert_conserved(report: &Report) {
    if let Err(imbalance) = report.conserved() {
        panic!("{imbalance}\n{report}");
    }
}

/// The merge of a list of streams.
pub fn merge<D, T: Timestamp, R, const N: usize>(
    inputs: [Edge<D, T, R>; N],
) -> Node<Merge<T, N>, OnlyOut<D, T, R>> {
    merge_all(inputs)
}
