//! Who holds the frontier of a graph.

use std::fmt;

use super::explanation::{Explanation, InputState, NodeState};
use crate::time::{ProcessingTime, Reached};

/// Who holds the frontier of a graph, since when, and what for; see [`Explanation::holder`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Holder<'a> {
    /// The source, or the node, that has not come further.
    pub node: &'a NodeState,
    /// The node nearest to it that waits for it among others, and its input that leads there.
    pub fan_in: Option<(&'a NodeState, &'a InputState)>,
    /// How far the graph has come.
    pub reached: Reached,
    /// Since when: by the clock of a graph that was spawned, or is under test.
    pub since: Option<ProcessingTime>,
    /// The time on the clock.
    now: Option<ProcessingTime>,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It is a source.
    IsSource,
    /// It gives rows their time.
    GivesTime,
    /// It has let out less than has entered it.
    HoldsBack,
}

impl<'a> Holder<'a> {
    pub(super) fn of(explanation: &'a Explanation) -> Option<Self> {
        let sink = explanation.least_sink()?;
        let reached = sink.entered;
        if reached == Reached::End {
            return None;
        }
        let (mut node, mut fan_in, mut since) = (sink, None, sink.since);
        let why = loop {
            let Some(input) = node.held_by() else { break Why::IsSource };
            if node.counting().nth(1).is_some() {
                fan_in = Some((node, input));
            }
            since = input.since;
            node = &explanation.nodes()[input.sender];
            if node.inputs.is_empty() {
                break Why::IsSource;
            }
            if node.is_timed != input.is_timed {
                break Why::GivesTime;
            }
            if node.holds_back(input.port) {
                break Why::HoldsBack;
            }
        };
        Some(Holder { node, fan_in, reached, since, now: explanation.now, why })
    }

    /// Since when it has not moved, and how long that is.
    fn write_since(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(since) = self.since else { return f.write_str("has not moved") };
        write!(f, "has not moved since {since}")?;
        match self.now {
            Some(now) => write!(f, " ({} s)", now.since(since).micros() / 1_000_000),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.node.name;
        match self.fan_in {
            Some((node, input)) => write!(
                f,
                "`{}`: has come to {}, held by its input `{}.{}`, which ",
                node.name, node.entered, input.from, input.port
            )?,
            None => write!(f, "`{name}`: has come to {}, and ", self.reached)?,
        }
        self.write_since(f)?;
        match (&self.node.waits_for, self.why) {
            (Some(what), _) => write!(f, ": `{name}` waits for {what}"),
            (None, Why::IsSource) => write!(f, ": `{name}` is a source, and waits for input"),
            (None, Why::GivesTime) => write!(f, ": `{name}` gives rows their time, and waits for rows"),
            (None, Why::HoldsBack) => {
                write!(f, ": `{name}` holds back what has come to {}", self.node.entered)
            }
        }
    }
}
