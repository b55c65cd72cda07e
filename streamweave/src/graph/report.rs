//! The books of a run: how many rows met with which fate, node by node.

use std::fmt;

use super::Topology;
use crate::operator::{Counters, Operator, Outcome, Placed};
use crate::port::Ports;

/// The books of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    nodes: Vec<NodeReport>,
}

/// The books of one node, in rows.
///
/// Each row received is exactly one of passed, filtered, absorbed and late (rule Z2). A row that
/// goes to an `err` port is passed; a late row counts as late and is emitted on its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// The name of the node.
    pub name: &'static str,
    /// Came in, by the books of the nodes that sent them.
    pub received: u64,
    /// Went on, as one row or several.
    pub passed: u64,
    /// Were filtered out.
    pub filtered: u64,
    /// Went into the state of the node, or to the outside.
    pub absorbed: u64,
    /// Came too late.
    pub late: u64,
    /// Went out, by port.
    pub emitted: Vec<(&'static str, u64)>,
    /// Came in, by the node's own count; kept in builds with debug assertions only.
    pub counted: Option<u64>,
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
    pub fn enter<O: Operator, P: Ports>(&mut self, topology: &Topology, placed: &Placed<O>, _ports: &P) {
        let number = self.nodes.len();
        let received = topology
            .edges
            .iter()
            .filter(|edge| edge.to == number)
            .map(|edge| self.nodes[edge.from].emitted_on(edge.port))
            .sum();
        let Counters { emitted, tally } = placed.counters();
        let mut node = NodeReport {
            name: topology.nodes[number].name,
            received,
            passed: tally.passed,
            filtered: tally.filtered,
            absorbed: tally.absorbed,
            late: tally.late,
            emitted: P::NAMES.iter().copied().zip(emitted).collect(),
            counted: (cfg!(debug_assertions) && !topology.nodes[number].is_source).then_some(tally.received),
        };
        node.settle(O::OUTCOME);
        self.nodes.push(node);
    }
}

impl NodeReport {
    /// The rows that went out of a port.
    pub fn emitted_on(&self, port: &str) -> u64 {
        self.emitted.iter().find(|(name, _)| *name == port).map_or(0, |(_, rows)| *rows)
    }

    /// Works out the counts that the operator's outcome implies.
    fn settle(&mut self, outcome: Outcome) {
        let sent: u64 = self.emitted.iter().map(|(_, rows)| rows).sum();
        match outcome {
            Outcome::Passed => {
                self.passed = self.received;
                if let Some((_, rows)) = self.emitted.first_mut() {
                    *rows = self.received;
                }
            }
            Outcome::PassedOrFiltered => {
                self.passed = sent;
                self.filtered = self.received.saturating_sub(sent);
            }
            Outcome::Absorbed => self.absorbed = self.received,
            Outcome::Tallied => {}
        }
    }

    fn conserved(&self) -> Result<(), String> {
        let NodeReport { name, received, passed, filtered, absorbed, late, .. } = self;
        if let Some(counted) = self.counted.filter(|counted| counted != received) {
            return Err(format!("`{name}` was sent {received} rows, but counted {counted}"));
        }
        if self.counted.is_none() && *received == 0 {
            return Ok(());
        }
        let accounted = passed + filtered + absorbed + late;
        if accounted != *received {
            return Err(format!(
                "`{name}` received {received} rows, but accounts for {accounted}: {passed} passed, \
                 {filtered} filtered, {absorbed} absorbed, {late} late"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            write!(f, "{}: {} received", node.name, node.received)?;
            let fates = [
                ("passed", node.passed),
                ("filtered", node.filtered),
                ("absorbed", node.absorbed),
                ("late", node.late),
            ];
            for (fate, rows) in fates.into_iter().filter(|(_, rows)| *rows > 0) {
                write!(f, ", {rows} {fate}")?;
            }
            for (port, rows) in &node.emitted {
                write!(f, ", {rows} out of `{port}`")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
