//! What is said of a failure.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc::UnboundedReceiver;

use super::directive::Directive;
use crate::executor::{Losses, Survival};
use crate::graph::{Error, Topology};
use crate::time::ProcessingTime;

/// A child that failed, and what was done about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The child by its way from the root, `root/inner/ledger`.
    pub child: String,
    /// The node at fault, where it is known; in a graph inside a node with dots between them, `middle.culprit`.
    pub node: Option<String>,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The error with which the graph ended.
    pub error: Arc<Error>,
    /// How often the child has failed within the window of its [`Restarts`](super::Restarts), this time included.
    pub attempt: u32,
    /// What was done; where a function is to [decide](super::Supervisor::on_failure), what is done otherwise.
    pub directive: Directive,
    /// When the supervisor learned of it.
    pub at: ProcessingTime,
    /// When the child is started again.
    pub restart_at: Option<ProcessingTime>,
    /// All that is lost by what was done (rule K5); nothing where it is empty.
    pub losses: Vec<Loss>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// A node panicked, or the function that makes the graph.
    Panic,
    /// A source cannot be read.
    Source,
    /// A sink cannot be written.
    Sink,
    /// A node between them gave up.
    Node,
    /// A node is configured in a way that cannot work.
    Invalid,
    /// A node could not take a row, and its policy was to stop.
    Rejected,
    /// A checkpoint could not be taken, or not be restored.
    Checkpoint,
    /// The graph took too long to end.
    Stuck,
    /// Its task was aborted from outside.
    Stopped,
}

/// What a child loses that does not go on where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The child by its way from the root.
    pub child: String,
    /// What it loses.
    pub lost: Lost,
}

/// What is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// All that the graph kept, which is not durable or has no checkpoints: it begins anew. What it made of the rows that it had taken,
    /// and did not bring out, is gone.
    Everything {
        /// The sources, and how many rows each had taken; those of a batch that panicked come on top.
        taken: Vec<(&'static str, u64)>,
    },
    /// What a source that does not [replay](crate::operator::Replays) has taken from outside since the last checkpoint.
    Rows {
        /// The source.
        source: &'static str,
        /// So many. Where the graph panicked in a batch of this source, the rows of that batch come on top: they are in no books, and are
        /// [as many as a batch has](crate::Graph::batch) at most.
        rows: u64,
    },
}

impl Lost {
    /// What a graph loses that is started again.
    pub(super) fn of(losses: &Losses) -> Vec<Lost> {
        match losses.survival {
            Survival::Nothing => {
                let taken = losses.taken.iter().map(|taken| (taken.source, taken.rows)).collect();
                vec![Lost::Everything { taken }]
            }
            Survival::Checkpoint => {
                let gone = losses.taken.iter().filter(|taken| !taken.replays);
                gone.map(|gone| Lost::Rows { source: gone.source, rows: gone.rows }).collect()
            }
            Survival::Everything => Vec::new(),
        }
    }
}

impl FailureKind {
    /// The kind of an error, and the node that it names.
    pub(super) fn of(error: &Error, topology: Option<&Topology>) -> (FailureKind, Option<String>) {
        let named = |node: &str| Some(node.to_owned());
        match error {
            Error::Invalid { node, .. } => (FailureKind::Invalid, named(node)),
            Error::Failed { node, .. } => {
                (topology.map_or(FailureKind::Node, |topology| FailureKind::at(node, topology)), named(node))
            }
            Error::Rejected { node, .. } => (FailureKind::Rejected, named(node)),
            Error::Panicked(report) => (FailureKind::Panic, named(&report.node)),
            Error::Stuck { after, .. } => {
                let node = after.as_ref().and_then(|after| FailureKind::of(after, topology).1);
                (FailureKind::Stuck, node)
            }
            Error::Checkpoint(_) => (FailureKind::Checkpoint, None),
            Error::Suspended { .. } => (FailureKind::Stopped, None),
            Error::Stopped(error) if error.is_panic() => (FailureKind::Panic, None),
            Error::Stopped(_) => (FailureKind::Stopped, None),
        }
    }

    /// The kind of what gave up at a node.
    fn at(node: &str, topology: &Topology) -> FailureKind {
        let Some(number) = topology.nodes.iter().position(|known| known.name == node) else {
            return FailureKind::Node;
        };
        if topology.nodes[number].is_source {
            FailureKind::Source
        } else if topology.edges.iter().any(|edge| edge.from == number) {
            FailureKind::Node
        } else {
            FailureKind::Sink
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed (failure {} in its window): {}", self.child, self.attempt, self.error)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

/// The failures of a tree, as they come: a [`Stream`], and so a source, `from_stream(failures)`.
///
/// It ends with the tree. What is not taken waits; there is no bound on it but how often children fail.
#[derive(Debug)]
pub struct Failures(pub(super) UnboundedReceiver<Failure>);

impl Failures {
    /// The next failure; `None` once the tree has ended.
    pub async fn recv(&mut self) -> Option<Failure> {
        self.0.recv().await
    }

    /// The next failure that is there already.
    pub fn now(&mut self) -> Option<Failure> {
        self.0.try_recv().ok()
    }
}

impl Stream for Failures {
    type Item = Failure;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Failure>> {
        self.0.poll_recv(context)
    }
}
