//! Joins: rows of two keyed streams that belong together.
//!
//! | join | a row meets | state |
//! |---|---|---|
//! | [`interval_join()`] | rows of its key at times near its own | what the frontiers leave possible |
//! | [`window_join()`] | rows of its key in the same window | the open windows |
//! | [`co_group()`] | the same, all of a window at once | the open windows |
//! | [`as_of()`] | the version that holds at its time | versions, and probes until the frontier has passed |
//! | [`enrich()`] | the value that came last | one value a key |
//! | [`join()`] | every row of its key | everything |
//!
//! All have two inputs, `left` and `right`, over one type of key and one type of time.
//!
//! # Rules
//!
//! Beside those of section E of the semantics:
//!
//! - **Keys that are equal meet**, by Rust's own equality: `None` of an `Option` meets `None`. A key that does not equal itself is
//!   *null*: it meets nothing, itself included (rule E11). [`Nullable`](crate::envelope::Nullable) has such keys.
//! - **The order of the output** is a function of the rows and frontiers at the inputs, in their order, and of nothing else
//!   (rule Z1).
//! - **A stream joined with itself**, `rows -> j.left; rows -> j.right;`, is not doubled: a pair comes once (rule E12).
//! - **The books**: a row that finds a partner when it comes is passed, one that is kept for what may come is absorbed, one of
//!   which nothing can come any more filtered out.

pub mod as_of;
pub mod co_group;
pub mod enrich;
pub mod interval_join;
#[allow(clippy::module_inception, reason = "an operator and the module of its inputs have one name")]
pub mod join;
pub mod window_join;

mod group;
mod kept;
mod partners;
mod reach;
mod shape;
mod sides;
mod versions;
mod windows;

pub use as_of::{AsOf, as_of};
pub use co_group::{CoGroup, co_group};
pub use enrich::{Enrich, enrich};
pub use interval_join::{IntervalJoin, interval_join};
pub use join::{Join, join};
pub use shape::{Anti, FullOuter, Inner, LeftOuter, Lookup, RightOuter, Semi, Shape};
pub use window_join::{WindowJoin, window_join};

/// Whether a key is null: it does not even equal itself (rule E11).
#[inline(always)]
#[allow(clippy::eq_op, reason = "that is the question")]
fn is_null<K: Eq>(key: &K) -> bool {
    key != key
}
