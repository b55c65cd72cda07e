//! The books of a run: how many rows met with which fate, node by node.

use std::fmt;

use super::Topology;
use crate::operator::{Counters, NodeReport, Operator, Outcome, Placed};
use crate::port::Ports;

/// The books of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    nodes: Vec<NodeReport>,
}

/// A named graph yields its books: its rows leave by its ports.
impl crate::executor::Yielded for Report {
    fn set_report(&mut self, report: Report) {
        *self = report;
    }
}

impl Report {
    /// The nodes, in topological order.
    pub fn nodes(&self) -> &[NodeReport] {
        &self.nodes
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Checks that every row is accounted for, at every node and along every edge (rule Z2).
    ///
    /// # Errors
    ///
    /// Names the first node whose books do not balance.
    pub fn conserved(&self) -> Result<(), String> {
        self.nodes.iter().try_for_each(NodeReport::conserved)
    }

    /// Enters a node; called in topological order, so that its senders stand already.
    #[doc(hidden)]
    pub fn enter<O: Operator, P: Ports>(&mut self, topology: &Topology, placed: &mut Placed<O>, _ports: &P) {
        // As little as can be for each type of node: compile times are those of a graph.
        let inside = placed.operator.inside();
        self.enter_books(topology, P::NAMES, O::OUTCOME, placed.counters(), inside);
        if topology.nodes[self.nodes.len() - 1].is_source {
            let books = self.nodes.last_mut().expect("it was entered just now");
            (books.taken_ahead, books.replays) = (placed.operator.taken_ahead(), O::REPLAYS);
        }
    }

    fn enter_books(
        &mut self,
        topology: &Topology,
        names: &[&'static str],
        outcome: Outcome,
        counters: Counters,
        inside: Vec<NodeReport>,
    ) {
        let number = self.nodes.len();
        let entering = topology.edges.iter().filter(|edge| edge.to == number);
        let received = entering.map(|edge| self.nodes[edge.from].emitted_on(edge.port)).sum();
        let node = topology.nodes[number];
        self.nodes.push(NodeReport::of(
            node.name,
            node.is_source,
            received,
            names,
            outcome,
            counters,
            inside,
        ));
    }

    /// The nodes, by value.
    pub(crate) fn into_nodes(self) -> Vec<NodeReport> {
        self.nodes
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|node| write!(f, "{node}"))
    }
}
