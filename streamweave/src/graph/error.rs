//! Why a run ended before its end.

use std::backtrace::Backtrace;
use std::fmt;

use crate::checkpoint::CheckpointError;
use crate::operator::Cause;
use crate::time::TimeDelta;

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
    /// A node could not take a row, and the policy was to stop.
    #[error("node `{node}`: {}{}", Chain(cause), Input(input))]
    Rejected {
        /// The node.
        node: &'static str,
        /// Its input, as `Debug` shows it; empty where it was not kept.
        input: String,
        /// Why.
        cause: Cause,
    },
    /// A node panicked; other graphs and the process go on.
    #[error("{0}")]
    Panicked(Box<FailureReport>),
    /// A graph that was to drain, or to write what it had after a failure, took too long.
    #[error("the graph did not end within {} ms: {stuck}{}", within.micros() / 1000, After(after.as_deref()))]
    Stuck {
        /// How long it had: see [`Graph::drain_within`](crate::Graph::drain_within).
        within: TimeDelta,
        /// Which nodes are stuck, and what they wait for.
        stuck: String,
        /// The failure after which it was to write what it had.
        #[source]
        after: Option<Box<Error>>,
    },
    /// A checkpoint could not be taken, or the last one not be restored.
    #[error("{0}")]
    Checkpoint(#[from] Box<CheckpointError>),
    /// The graph was stopped with a savepoint: started again it goes on from there.
    #[error("the graph was stopped with savepoint `{savepoint}`")]
    Suspended {
        /// The name of the savepoint.
        savepoint: String,
    },
    /// The task that ran the graph was aborted.
    #[error("the graph was stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// What is known of a panic in a node (rule K1).
#[derive(Debug)]
#[non_exhaustive]
pub struct FailureReport {
    /// The node; where it holds a graph, the nodes in there behind it, with dots between them.
    pub node: String,
    /// What the panic said.
    pub message: String,
    /// The line of code.
    pub location: Option<String>,
    /// The calls that led there, where `RUST_BACKTRACE` asks for them.
    pub backtrace: Backtrace,
    /// The number of the batch, counted from 1; each time that a source is taken from, or that nodes go on
    /// with work of their own, is a batch. A node that panics when it is asked for a batch is in that one.
    pub batch: u64,
    /// The source whose batch it was, and how many rows it had emitted before that batch.
    pub source: Option<(&'static str, u64)>,
    /// How many rows sinks had taken of that batch. They were not brought to the outside, except where
    /// the sink does so row by row (`for_each`).
    pub discarded: u64,
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node `{}` panicked in batch {}", self.node, self.batch)?;
        if let Some((source, rows)) = self.source {
            write!(f, " (of `{source}`, behind its row {rows})")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(location) = &self.location {
            write!(f, ", at {location}")?;
        }
        if self.discarded > 0 {
            write!(f, "; {} rows of the batch were not written", self.discarded)?;
        }
        Ok(())
    }
}

/// What a node was given, where that is known.
struct Input<'a>(&'a str);

impl fmt::Display for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "; its input was {}", self.0) }
    }
}

/// What had happened before, where anything had.
struct After<'a>(Option<&'a Error>);

impl fmt::Display for After<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |error| write!(f, "; it was to end because of this: {error}"))
    }
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
