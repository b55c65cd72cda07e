//! The books of one node: how many rows met with which fate (rule Z2).

use std::borrow::Cow;
use std::fmt;

use super::Outcome;
use super::stage::Counters;

/// The books of one node, in rows.
///
/// Each row received is exactly one of passed, filtered, absorbed, late and unassigned (rule Z2). A row that
/// goes to an `err` port is passed; a late row counts as late and is emitted on its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// The name of the node.
    pub name: Cow<'static, str>,
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
    /// Belong to no window: in the gap between two.
    pub unassigned: u64,
    /// Went out, by port.
    pub emitted: Vec<(&'static str, u64)>,
    /// Came in, by the node's own count; kept in builds with debug assertions only.
    pub counted: Option<u64>,
    /// The nodes of a graph inside this one.
    pub inside: Vec<NodeReport>,
    /// What a source has taken and not emitted yet.
    pub(crate) taken_ahead: u64,
    /// Whether it is a source that replays.
    pub(crate) replays: bool,
}

impl NodeReport {
    /// The books of an operator that was sent `received` rows.
    pub(crate) fn of(
        name: &'static str,
        is_source: bool,
        received: u64,
        names: &[&'static str],
        outcome: Outcome,
        counters: Counters,
        inside: Vec<NodeReport>,
    ) -> Self {
        let Counters { emitted, tally } = counters;
        let mut node = NodeReport {
            name: name.into(),
            received,
            passed: tally.passed,
            filtered: tally.filtered,
            absorbed: tally.absorbed,
            late: tally.late,
            unassigned: tally.unassigned,
            emitted: names.iter().copied().zip(emitted.iter().map(|port| port.rows)).collect(),
            counted: (cfg!(debug_assertions) && !is_source).then_some(tally.received),
            inside,
            taken_ahead: 0,
            replays: false,
        };
        node.settle(outcome);
        node
    }

    /// The rows that went out of a port.
    pub fn emitted_on(&self, port: &str) -> u64 {
        self.emitted.iter().find(|(name, _)| *name == port).map_or(0, |(_, rows)| *rows)
    }

    /// The rows that went out of all ports together.
    pub(crate) fn sent(&self) -> u64 {
        self.emitted.iter().map(|(_, rows)| rows).sum()
    }

    /// The rows that a source has taken from outside.
    pub(crate) fn taken(&self) -> u64 {
        self.sent() + self.taken_ahead
    }

    /// Works out the counts that the operator's outcome implies.
    fn settle(&mut self, outcome: Outcome) {
        let sent = self.sent();
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

    /// Checks that every row is accounted for.
    pub(crate) fn conserved(&self) -> Result<(), String> {
        let NodeReport { name, received, passed, filtered, absorbed, late, unassigned, inside, .. } = self;
        for node in inside {
            node.conserved().map_err(|imbalance| format!("inside `{name}`: {imbalance}"))?;
        }
        if let Some(counted) = self.counted.filter(|counted| counted != received) {
            return Err(format!("`{name}` was sent {received} rows, but counted {counted}"));
        }
        if self.counted.is_none() && *received == 0 {
            return Ok(());
        }
        let accounted = passed + filtered + absorbed + late + unassigned;
        if accounted != *received {
            return Err(format!(
                "`{name}` received {received} rows, but accounts for {accounted}: {passed} passed, \
                 {filtered} filtered, {absorbed} absorbed, {late} late, {unassigned} unassigned"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for NodeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines("", f)
    }
}

impl NodeReport {
    fn lines(&self, outer: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{outer}{}: {} received", self.name, self.received)?;
        let fates = [
            ("passed", self.passed),
            ("filtered", self.filtered),
            ("absorbed", self.absorbed),
            ("late", self.late),
            ("unassigned", self.unassigned),
        ];
        for (fate, rows) in fates.into_iter().filter(|(_, rows)| *rows > 0) {
            write!(f, ", {rows} {fate}")?;
        }
        for (port, rows) in &self.emitted {
            write!(f, ", {rows} out of `{port}`")?;
        }
        writeln!(f)?;
        let outer = format!("{outer}{}.", self.name);
        self.inside.iter().try_for_each(|node| node.lines(&outer, f))
    }
}
