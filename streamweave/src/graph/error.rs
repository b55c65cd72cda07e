//! Why a run ended before its end.

use std::fmt;

use crate::operator::Cause;

/// Why a graph stopped.
///
/// Rows that a node could not take are no such reason: they go to its `err` port.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node is configured in a way that cannot work; no row was read.
    #[error("node `{node}`: {}", Chain(cause))]
    Invalid {
        /// The node.
        node: &'static str,
        /// What is wrong.
        cause: Cause,
    },
    /// A source cannot be read, or a sink cannot be written.
    #[error("node `{node}`: {}", Chain(cause))]
    Failed {
        /// The node.
        node: &'static str,
        /// Why.
        cause: Cause,
    },
    /// A node panicked. Its batch was not brought to the outside; other graphs and the process go on.
    #[error("node `{node}` panicked: {message}")]
    Panicked {
        /// The node.
        node: &'static str,
        /// What it said.
        message: String,
    },
    /// The task that ran the graph was aborted.
    #[error("the graph was stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// An error and all that caused it, on one line.
struct Chain<'a>(&'a Cause);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
