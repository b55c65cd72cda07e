//! Sinks: where rows go.
//!
//! A sink takes rows at once, into a buffer where it must, and brings them to the outside when it
//! is flushed; until it has, no source is taken from. A sink that cannot retract takes streams
//! without diffs only. What a named sink yields is a field of the run's result.

mod channel;
mod collect;
mod encoded;
mod for_each;
mod idempotent;
mod last;
mod lent;
mod parts;
mod transactional;

#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "json")]
pub mod jsonl;
pub mod lines;
pub mod on_error;
#[cfg(feature = "postgres")]
pub mod postgres;

pub use channel::{ToChannel, to_channel};
pub use collect::{Collect, collect};
pub use encoded::{Encoded, Encoder};
pub use for_each::{ForEach, ForEachUpdate, for_each, for_each_update};
pub use idempotent::{IdempotentSink, ToIdempotentSink, to_idempotent_sink};
pub use last::{Last, last};
pub use parts::{PartError, PartFormat, Parts};
pub use transactional::{Ahead, Known, ToSink, TransactionalSink, to_sink};
