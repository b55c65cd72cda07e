//! Operators that direct rows without looking at them.

mod discard;
mod merge;

pub use discard::{Discard, discard};
pub(crate) use merge::merge_all;
pub use merge::{Merge, merge};
