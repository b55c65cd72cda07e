//! Changes kept sorted, to be looked up by key.
//!
//! A [`Batch`] is immutable: changes by key, value and rounds, in columns, none of them zero. A [`Spine`] is a few
//! batches that come to one collection; it merges them bit by bit as more come in. A [`Cursor`] goes through the
//! keys of a spine in ascending order and gives what is kept of each, over all batches together.
//!
//! A trace keeps no time but its [rounds](crate::time::Lattice::Rounds), which are nothing outside of loops: it is worked with time by
//! time, so everything in it counts at the time at hand or at one that [joins](crate::time::Lattice::join) it.
//!
//! Batches stand in an [`Arc`](std::sync::Arc) each, so that a spine as it is now is a short list.

mod batch;
mod chunks;
mod columns;
mod cursor;
mod merge;
mod saved;
mod spine;

pub use batch::Batch;
pub(super) use chunks::Chunks;
pub use cursor::{Cursor, Kept, TooMany};
pub(super) use saved::{Changes, Loaded, trace, undivided};
pub use spine::Spine;
