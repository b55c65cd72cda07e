//! Operators that direct rows without looking at them.
//!
//! An operator whose inputs have names is a function and a module of one name: `graph!` finds the names of the
//! ports in the module.

pub mod concat;
pub mod zip;

mod discard;
mod merge;

pub use concat::{Concat, concat};
pub use discard::{Discard, discard};
pub(crate) use merge::merge_all;
pub use merge::{Merge, merge};
pub use zip::{Zip, zip};
