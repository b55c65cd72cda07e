//! Why a run ended before its end.

use crate::operator::Cause;

/// Why a graph stopped.
///
/// Rows that a node could not take are no such reason: they go to its `err` port.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node is configured in a way that cannot work; no row was read.
    #[error("node `{node}`: {cause}")]
    Invalid {
        /// The node.
        node: &'static str,
        /// What is wrong.
        cause: Cause,
    },
    /// A source cannot be read, or a sink cannot be written.
    #[error("node `{node}`: {cause}")]
    Failed {
        /// The node.
        node: &'static str,
        /// Why.
        cause: Cause,
    },
    /// The task that ran the graph was aborted or panicked.
    #[error("the graph was stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}
