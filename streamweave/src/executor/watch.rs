//! Who waits for a running graph to come to a time.

use tokio::sync::oneshot;

use crate::graph::Explanation;
use crate::time::{Moment, Reached};

/// What a graph that was waited for has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing before the time is still to come.
    Reached,
    /// The stream has ended: by itself, or because the graph drained, failed or was aborted.
    Ended,
}

/// There is no node of this name in the graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no node of the graph is named `{0}`")]
pub struct NoSuchNode(pub String);

/// Who waits, and for what.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The node; without one it is the graph.
    pub(crate) node: Option<&'static str>,
    pub(crate) moment: Moment,
    pub(crate) answer: oneshot::Sender<Arrival>,
}

/// Answers those that wait for nothing further; forgets those that have gone.
pub(crate) fn answer(watches: &mut Vec<Watch>, explanation: &Explanation) {
    let reached = |watch: &Watch| match watch.node {
        Some(name) => explanation.node(name).map_or(Reached::End, |node| node.entered),
        None => explanation.frontier(),
    };
    for watch in std::mem::take(watches) {
        let reached = reached(&watch);
        if !reached.has_come_to(watch.moment) {
            watches.push(watch);
            continue;
        }
        let arrival = if reached == Reached::End { Arrival::Ended } else { Arrival::Reached };
        // Who asked may have gone again.
        let _ = watch.answer.send(arrival);
    }
    watches.retain(|watch| !watch.answer.is_closed());
}
