//! Sources: where rows come from.
//!
//! A source is polled until a batch is at hand, then resumed to emit it: at most
//! [`Cx::budget`](crate::operator::Cx::budget) rows at a time, and only when every sink has
//! brought the last batch to the outside.

mod channel;
mod contract;
mod decoded;
mod interval;
mod iter;
mod replay;
mod rows;
mod stream;

#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "json")]
pub mod jsonl;
pub mod lines;

pub use channel::{FromChannel, from_channel};
pub use contract::{FromSource, Source, from_source};
pub use decoded::Decoded;
pub use interval::{Interval, interval};
pub use iter::{FromIter, from_iter};
pub use replay::{Replay, replay};
pub use stream::{FromStream, from_stream};
