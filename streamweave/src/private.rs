//! What macro output may name. Exempt from semantic versioning: do not use it by hand.

pub use crate::envelope::{Diff, FlowsAsDiff, FlowsAsTime};
pub use crate::executor::{Command, Reply};
pub use crate::graph::{EdgeInfo, Graph, NodeInfo, Report, Topology, Yielded};
pub use crate::operator::element::{
    FilterMap, FilterMapRef, FlatMap, FlatMapRef, Map, MapRef, OptionLike, ResultLike, TryMap, TryMapRef,
};
pub use crate::operator::flow::merge;
pub use crate::operator::{Gives, GivesOrFails, GivesOrReturns, IntoNode, Linear, Operator, Placed};
pub use crate::port::{
    Attach, ByRef, ByValue, Chain, Connected, Edge, EdgeRef, FanOut, NoInput, Origin, Ports, Shared, Slot,
    Tee, cut, deliver,
};
pub use crate::time::Timestamp;
pub use streamweave_macros::graph;

/// Places an operator behind an edge.
pub fn place<N: IntoNode<W>, W>(node: N, edge: W) -> (Placed<N::Operator>, N::Ports) {
    let (operator, ports) = node.into_node(edge);
    (Placed::new(operator), ports)
}

/// Checks that what a port carries can go along several arrows.
pub fn fan_out<I, D: FanOut, T, R>(_origin: Origin<I, D, T, R>) {}

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

/// Panics unless the books balance.
#[track_caller]
pub fn assert_conserved(report: &Report) {
    if let Err(imbalance) = report.conserved() {
        panic!("{imbalance}\n{report}");
    }
}
