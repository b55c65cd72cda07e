//! The worker: what drives a graph.
//!
//! A graph compiles to one [`Machine`]: a synchronous value that can be polled, run on one batch,
//! and flushed. The worker is the only asynchronous part, one future for any graph. It takes a
//! batch from one source at a time, fairly; the machine runs on it to quiescence; the sinks are
//! flushed, all at once; then the next. That is the back-pressure, and there is no other.
//!
//! # Protocol
//!
//! | step | call | allowed next |
//! |---|---|---|
//! | look | [`Machine::poll_wake`], [`Machine::poll_source`] | run, park |
//! | run | [`Machine::run`] | flush |
//! | flush | [`Machine::poll_flush`] | look; once all have ended: close |
//! | close | [`Machine::poll_flush`] with [`Flush::Close`] | finish |
//! | finish | [`Machine::finish`] | none |
//!
//! A future dropped at any point loses what was not flushed, and nothing else.

mod machine;
mod worker;

pub use machine::{Command, Machine, Reply};
pub(crate) use worker::{Settings, drive};

/// Why a source, a sink or an operator gave up.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// How urgently a sink is to bring its rows to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// A batch is done and more input is at hand: write what fills a block.
    Batch,
    /// No input is at hand: write everything.
    Idle,
    /// The graph has ended: write everything and close.
    Close,
}

/// The reader of a sink has gone away (a closed pipe, a dropped receiver).
///
/// A sink that fails with this ends its graph quietly: the graph drains, without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader has gone away")]
pub struct Disconnected;
