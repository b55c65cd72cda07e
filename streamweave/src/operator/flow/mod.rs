//! Operators that direct rows without looking at them.

mod buffer;
mod discard;
mod merge;

pub use buffer::{Buffer, Overflow, buffer};
pub use discard::{Discard, discard};
pub(crate) use merge::merge_all;
pub use merge::{Merge, merge};
