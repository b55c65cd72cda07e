//! Operators that direct rows without looking at them.

mod discard;
mod merge;

pub use discard::{Discard, discard};
pub use merge::{Merge, merge};
