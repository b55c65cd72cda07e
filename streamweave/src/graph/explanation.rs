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
    /// What it waits for, where it says so.
    pub waits_for: Option<Cow<'static, str>>,
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
    pub fn frontier(&self) -> Reached {
        let sinks = self.nodes.iter().filter(|node| node.left.is_empty());
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
        let (is_busy, waits_for) = (!placed.operator.idle(), placed.operator.waits_for());
        self.enter_state(topology, P::NAMES, &placed.counters(), !placed.is_clear(), is_busy, waits_for);
    }

    fn enter_state(
        &mut self,
        topology: &Topology,
        names: &[&'static str],
        counters: &Counters,
        is_flushing: bool,
        is_busy: bool,
        waits_for: Option<Cow<'static, str>>,
    ) {
        let number = self.nodes.len();
        let info = topology.nodes[number];
        let left: Vec<(&'static str, Reached)> =
            names.iter().copied().zip(counters.emitted.iter().map(|port| port.reached)).collect();
        let entered = if info.is_source {
            left.first().map_or(Reached::End, |(_, reached)| *reached)
        } else {
            let entering = topology.edges.iter().filter(|edge| edge.to == number);
            entering.map(|edge| self.nodes[edge.from].left_on(edge.port)).fold(
                Reached::End,
                |least, reached| {
                    if reached.is_before(least) { reached } else { least }
                },
            )
        };
        self.nodes.push(NodeState { name: info.name, entered, left, is_flushing, is_busy, waits_for });
    }
}

impl NodeState {
    fn left_on(&self, port: &str) -> Reached {
        self.left.iter().find(|(name, _)| *name == port).map_or(Reached::Start, |(_, reached)| *reached)
    }

    fn is_holding(&self) -> bool {
        self.is_flushing || self.is_busy || self.left.iter().any(|(_, left)| left.is_before(self.entered))
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: has come to {}", self.name, self.entered)?;
        for (port, left) in self.left.iter().filter(|(_, left)| left.is_before(self.entered)) {
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
