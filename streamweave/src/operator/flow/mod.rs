//! Operators that direct rows without looking at them.
//!
//! An operator whose inputs have names is a function and a module of one name: `graph!` finds the names of the
//! ports in the module.

pub mod circle;
pub mod concat;
pub mod zip;

mod balance;
mod broadcast;
mod buffer;
mod discard;
mod merge;
mod round_robin;
mod ways;

pub use balance::{Balance, balance};
pub use broadcast::broadcast;
pub use buffer::{Buffer, Overflow, buffer};
pub use concat::{Concat, concat};
pub use discard::{Discard, discard};
pub(crate) use merge::merge_all;
pub use merge::{Merge, merge};
pub use round_robin::{RoundRobin, round_robin};
pub use ways::{Branches, Ways, WaysOf};
pub use zip::{Zip, zip};
