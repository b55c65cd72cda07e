//! How a running graph is: how far each node has come, and what it waits for.

use std::borrow::Cow;
use std::fmt;

use super::Topology;
use super::holder::Holder;
use crate::operator::{Counters, Operator, Placed};
use crate::port::{Emitted, Ports};
use crate::time::{ProcessingTime, Reached};

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
    /// The time on the clock.
    pub(super) now: Option<ProcessingTime>,
}

/// How one node is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NodeState {
    /// The name of the node.
    pub name: &'static str,
    /// How far what enters it has come: the least of its inputs, without those that are idle; where all are, the
    /// furthest. A source has come as far as its output.
    pub entered: Reached,
    /// When that input has moved last: by the clock of a graph that was spawned, or is under test.
    pub since: Option<ProcessingTime>,
    /// Its inputs, one by one.
    pub inputs: Vec<InputState>,
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
    pub(super) is_timed: bool,
    /// Whether what leaves it has one, port by port.
    timed: &'static [bool],
    /// What left it, port by port.
    emitted: Vec<Emitted>,
}

/// How one arrow into a node is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InputState {
    /// The name of the node where it starts.
    pub from: &'static str,
    /// The output port where it starts.
    pub port: &'static str,
    /// How far it has come.
    pub reached: Reached,
    /// Whether it is [idle](crate::time::Frontier::idle): nothing more is expected of it for now.
    pub is_idle: bool,
    /// When it has moved last, where time is kept.
    pub since: Option<ProcessingTime>,
    /// The number of the node where it starts.
    pub(super) sender: usize,
    pub(super) is_timed: bool,
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
        self.least_sink().map_or(Reached::End, |sink| sink.entered)
    }

    /// The sink that has come least far, the first of several; none where the graph has none.
    pub(super) fn least_sink(&self) -> Option<&NodeState> {
        let sinks = || self.nodes.iter().filter(|node| node.left.is_empty());
        let is_timed = sinks().any(|sink| sink.is_timed);
        let sinks = sinks().filter(|sink| sink.is_timed == is_timed);
        sinks.reduce(|least, sink| if sink.entered.is_before(least.entered) { sink } else { least })
    }

    /// Who holds the frontier of the graph, since when, and what for; `None` once the graph has ended.
    ///
    /// The way leads back from the sink that has come least far, at each node by the input that has, to a source, or to a
    /// node that has let out less than has entered it.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    ///
    /// graph! {
    ///     graph both(clicks: Timed<u32>, views: Timed<u32>) -> (all: Timed<u32>) {
    ///         [clicks, views] -> map(|row| row) -> all;
    ///     }
    /// }
    ///
    /// let mut both = both::harness();
    /// both.inputs.clicks.advance_to(EventTime::from_secs(7));
    /// both.settle();
    /// both.inputs.views.advance_to(EventTime::from_secs(60));
    /// both.advance(35.secs());
    /// let explanation = both.explain();
    /// assert_eq!(explanation.holder().expect("it goes on").node.name, "clicks");
    /// assert_eq!(
    ///     explanation.holder().expect("it goes on").to_string(),
    ///     "`merge`: has come to 1970-01-01T00:00:07Z, held by its input `clicks.out`, which has not moved since \
    ///      1970-01-01T00:00:00Z (35 s): `clicks` is a source, and waits for input"
    /// );
    /// ```
    pub fn holder(&self) -> Option<Holder<'_>> {
        Holder::of(self)
    }

    /// Notes what time it is.
    pub(crate) fn at(self, now: ProcessingTime) -> Self {
        Explanation { now: Some(now), ..self }
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
            since: None,
            inputs: Vec::new(),
            left: Vec::new(),
            is_flushing: !placed.is_clear(),
            is_busy: !placed.operator.idle(),
            is_served: placed.operator.is_served(),
            waits_for: placed.operator.waits_for(),
            is_timed: false,
            timed: P::TIMED,
            emitted: Vec::new(),
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
        let emitted: Vec<Emitted> = counters.emitted.into_iter().take(names.len()).collect();
        let left: Vec<(&'static str, Reached)> =
            names.iter().copied().zip(emitted.iter().map(|port| port.reached)).collect();
        let state = NodeState { left, emitted, ..state };
        self.nodes.push(if topology.nodes[number].is_source {
            let first = state.emitted.first().copied();
            let entered = first.map_or(Reached::End, |port| port.reached);
            let since = first.and_then(|port| port.since);
            NodeState { entered, since, is_timed: state.timed.first() == Some(&true), ..state }
        } else {
            state.behind_inputs(self.inputs_of(topology, number))
        });
    }

    /// Not every node has the port from which the way to the default for what fails would start.
    fn inputs_of(&self, topology: &Topology, number: usize) -> Vec<InputState> {
        let edges = topology.edges.iter().filter(|edge| edge.to == number);
        edges.filter_map(|edge| self.nodes[edge.from].as_input(edge.from, edge.port)).collect()
    }
}

impl NodeState {
    /// What enters a node by an arrow from one of the ports.
    fn as_input(&self, sender: usize, port: &'static str) -> Option<InputState> {
        let at = self.left.iter().position(|(name, _)| *name == port)?;
        let Emitted { reached, is_idle, since, .. } = self.emitted[at];
        Some(InputState { from: self.name, port, reached, is_idle, since, sender, is_timed: self.timed[at] })
    }

    /// The same node, behind these inputs.
    fn behind_inputs(self, inputs: Vec<InputState>) -> Self {
        let is_timed = inputs.iter().any(|input| input.is_timed);
        let mut state = NodeState { inputs, is_timed, ..self };
        let holding = state.held_by();
        let (entered, since) = holding.map_or((Reached::End, None), |input| (input.reached, input.since));
        (state.entered, state.since) = (entered, since);
        state
    }

    /// The inputs whose frontiers count: where any has a time, those that do.
    pub(super) fn counting(&self) -> impl Iterator<Item = &InputState> {
        self.inputs.iter().filter(|input| input.is_timed == self.is_timed)
    }

    /// The input that holds the others.
    pub(super) fn held_by(&self) -> Option<&InputState> {
        let open = || self.counting().filter(|input| input.reached != Reached::End);
        let least = open().filter(|input| !input.is_idle);
        let least =
            least.reduce(|least, input| if input.reached.is_before(least.reached) { input } else { least });
        let furthest =
            || open().reduce(|most, input| if most.reached.is_before(input.reached) { input } else { most });
        least.or_else(furthest)
    }

    /// Whether a port is behind what has entered.
    pub(super) fn holds_back(&self, port: &str) -> bool {
        self.behind().any(|(name, _)| *name == port)
    }

    /// The ports that are behind what has entered; one without time knows nothing between start and end.
    fn behind(&self) -> impl Iterator<Item = &(&'static str, Reached)> {
        let ports = self.left.iter().zip(self.timed);
        let behind = ports.filter(|((_, left), timed)| {
            left.is_before(self.entered) && (**timed || self.entered == Reached::End)
        });
        behind.map(|(port, _)| port)
    }

    /// What has entered; of a node that gives rows their time, what has left.
    fn come_to(&self) -> Reached {
        let timed = self.left.iter().zip(self.timed).find(|(_, timed)| **timed);
        match timed {
            Some(((_, left), _)) if !self.is_timed => *left,
            _ => self.entered,
        }
    }

    fn is_holding(&self) -> bool {
        self.is_flushing || self.is_busy || self.behind().next().is_some()
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: has come to {}", self.name, self.come_to())?;
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
