//! How a running graph is: how far each node has come, and what it waits for.

use std::borrow::Cow;
use std::fmt;

use super::Topology;
use crate::operator::{Counters, Operator, Placed};
use crate::port::Ports;
use crate::time::Reached;

/// How each node of a running graph is, between two batches.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (sender, receiver) = tokio::sync::mpsc::channel(4);
/// let running = graph! {
///     clicks = from_channel(receiver);
///     clicks -> count_them;
///     count_them = last();
/// }
/// .spawn();
/// sender.send("click").await?;
/// let explanation = running.explain().await.expect("the graph runs");
/// assert_eq!(explanation.nodes()[0].name, "clicks");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    nodes: Vec<NodeState>,
}

/// How one node is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NodeState {
    /// The name of the node.
    pub name: &'static str,
    /// How far what enters it has come: the least of its inputs. A source has come as far as its
    /// output.
    pub entered: Reached,
    /// How far each of its output ports has come.
    pub left: Vec<(&'static str, Reached)>,
    /// Whether it has rows that are not brought to the outside yet.
    pub is_flushing: bool,
    /// Whether something is under way in it that can still emit.
    pub is_busy: bool,
    /// Whether a thread reads or writes for it.
    pub is_served: bool,
    /// What it waits for, where it says so.
    pub waits_for: Option<Cow<'static, str>>,
    /// Whether what enters it has a time.
    is_timed: bool,
    /// Whether what leaves it has one, port by port.
    timed: &'static [bool],
}

impl Explanation {
    /// The nodes, in topological order.
    pub fn nodes(&self) -> &[NodeState] {
        &self.nodes
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodeState> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// How far the graph has come: the least of what has entered its sinks.
    ///
    /// A stream without time has no frontier but its end: sinks of such streams count only where there
    /// are no others.
    pub fn frontier(&self) -> Reached {
        let sinks = || self.nodes.iter().filter(|node| node.left.is_empty());
        let is_timed = sinks().any(|sink| sink.is_timed);
        let sinks = sinks().filter(|sink| sink.is_timed == is_timed);
        let least = |least: Reached, sink: &NodeState| {
            if sink.entered.is_before(least) { sink.entered } else { least }
        };
        sinks.fold(Reached::End, least)
    }

    /// The nodes that hold the graph back: those that let nothing out of what has entered them, have
    /// calls under way, or rows that are not written yet.
    pub fn holding(&self) -> impl Iterator<Item = &NodeState> {
        self.nodes.iter().filter(|node| node.is_holding())
    }

    /// Enters a node; called in topological order, so that its senders stand already.
    #[doc(hidden)]
    pub fn enter<O: Operator, P: Ports>(&mut self, topology: &Topology, placed: &mut Placed<O>, _ports: &P) {
        let state = NodeState {
            name: topology.nodes[self.nodes.len()].name,
            entered: Reached::End,
            left: Vec::new(),
            is_flushing: !placed.is_clear(),
            is_busy: !placed.operator.idle(),
            is_served: placed.operator.is_served(),
            waits_for: placed.operator.waits_for(),
            is_timed: false,
            timed: P::TIMED,
        };
        self.enter_state(topology, P::NAMES, &placed.counters(), state);
    }

    fn enter_state(
        &mut self,
        topology: &Topology,
        names: &[&'static str],
        counters: &Counters,
        state: NodeState,
    ) {
        let number = self.nodes.len();
        let left: Vec<(&'static str, Reached)> =
            names.iter().copied().zip(counters.emitted.iter().map(|port| port.reached)).collect();
        let (entered, is_timed) = if topology.nodes[number].is_source {
            (left.first().map_or(Reached::End, |(_, reached)| *reached), state.timed.first() == Some(&true))
        } else {
            // Not every node has the port from which the way to the default for what fails would start.
            let entering = || {
                let edges = topology.edges.iter().filter(|edge| edge.to == number);
                edges.filter_map(|edge| self.nodes[edge.from].left_on(edge.port))
            };
            let is_timed = entering().any(|(_, timed)| timed);
            let counting = entering().filter(|(_, timed)| *timed == is_timed);
            let least = counting.fold(
                Reached::End,
                |least, (reached, _)| {
                    if reached.is_before(least) { reached } else { least }
                },
            );
            (least, is_timed)
        };
        self.nodes.push(NodeState { entered, left, is_timed, ..state });
    }
}

impl NodeState {
    /// How far a port has come, and whether what it carries has a time.
    fn left_on(&self, port: &str) -> Option<(Reached, bool)> {
        let at = self.left.iter().position(|(name, _)| *name == port)?;
        Some((self.left[at].1, self.timed[at]))
    }

    /// The ports that are behind what has entered; one without time knows nothing between start and end.
    fn behind(&self) -> impl Iterator<Item = &(&'static str, Reached)> {
        let ports = self.left.iter().zip(self.timed);
        let behind = ports.filter(|((_, left), timed)| {
            left.is_before(self.entered) && (**timed || self.entered == Reached::End)
        });
        behind.map(|(port, _)| port)
    }

    fn is_holding(&self) -> bool {
        self.is_flushing || self.is_busy || self.behind().next().is_some()
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: has come to {}", self.name, self.entered)?;
        for (port, left) in self.behind() {
            write!(f, ", holds `{port}` at {left}")?;
        }
        if let Some(what) = &self.waits_for {
            write!(f, ", waits for {what}")?;
        }
        if self.is_flushing {
            f.write_str(", has rows that are not written yet")?;
        }
        Ok(())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|node| writeln!(f, "{node}"))
    }
}
