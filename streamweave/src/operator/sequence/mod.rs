//! Operators to which the place of a row in its stream matters.
//!
//! What becomes of a row depends on the rows before it, in order of arrival: at a fan-in, in the
//! order in which its arrows bring them. Time is passed through and not looked at; only a batch is
//! at the greatest time of its rows. A row once seen is never taken back, so none of these takes a
//! stream of changes.

mod batch;
mod dedup;
mod distinct;
mod enumerate;
mod every;
mod pairwise;
mod sample_by_chance;
mod scan;
mod sift;
mod skip;
mod skip_while;
mod take;
mod take_while;

pub use batch::{Batch, batch, batch_bytes};
pub use dedup::{Dedup, dedup};
pub use distinct::{Distinct, DistinctBy, distinct, distinct_by};
pub use enumerate::{Enumerate, enumerate};
pub use every::{Every, every};
pub use pairwise::{Pairwise, pairwise};
pub use sample_by_chance::{SampleByChance, sample_by_chance};
pub use scan::{Scan, scan};
pub use sift::{Sieve, Sift};
pub use skip::{Skip, skip};
pub use skip_while::{SkipWhile, skip_while};
pub use take::{Take, take};
pub use take_while::{TakeWhile, take_while};
