//! The worker: what drives a graph.
//!
//! A graph compiles to one [`Machine`]: a synchronous value that can be polled, run on one batch,
//! and flushed. The worker is the only asynchronous part, one future for any graph. It takes a
//! batch from one source at a time, fairly; the machine runs on it to quiescence; the sinks are
//! flushed, all at once; then the next. A source is not taken from while a sink that it reaches is not
//! flushed, or a node that it reaches is not ready. That is the back-pressure, and there is no other.
//!
//! # Protocol
//!
//! | step | call | allowed next |
//! |---|---|---|
//! | look | [`Machine::poll_flush`], [`Machine::poll_wake`], [`Machine::poll_source`] | run, park; once all have ended: close |
//! | run | [`Machine::run`] | look |
//! | close | [`Machine::poll_flush`] with [`Flush::Close`](crate::operator::Flush::Close) | finish |
//! | finish | [`Machine::finish`] | none |
//!
//! A failure at any step leads to close, so that what passed before it is brought out, and then to
//! the error; after a panic the sinks first forget the batch, for it is half done (rule K1). Once nobody
//! can see what any sink does ([`Machine::is_gone`]) the sources are treated as ended. Nobody asked for that end, so
//! no checkpoint is taken of it: a graph whose sources had more goes on from the last one before.
//!
//! A future dropped at any point loses what was not flushed, and nothing else.

mod checkpointing;
mod component;
mod machine;
mod opened;
mod running;
mod schedule;
mod table;
mod trace;
mod watch;
mod worker;

pub(crate) use running::Losses;
pub(crate) use worker::{Request, Worker};

pub use component::{Component, Drain, Io, Nested, QueueAt, Queues};
pub use machine::{Command, Gone, Machine, Reply};
pub use opened::{Closed, ENDLESS, Open, ROOM, Receiver, Sender, Unsent};
pub use running::{
    AtLeastOnce, ExactlyOnce, Graph, Guarantee, Running, Survival, Survives, Volatile, Yielded,
};
pub use table::{Edited, Ended, Table};
pub use watch::{Arrival, NoSuchNode};
