//! Operators to which the event time of a row matters among the times of others: rows put in order, and one row of many.
//!
//! In contrast to [`sequence`](super::sequence) they do not depend on the order in which rows arrive, but for rows at
//! one time. A row whose time the frontier has closed already cannot be put right any more: it goes to the port
//! `late`, with its time.

mod first_per_key;
mod keep;
mod last_per_key;
mod lifetime;
mod sort;

pub use first_per_key::{FinalFirstPerKey, FirstPerKey, first_per_key};
pub use keep::{Keep, keep};
pub use last_per_key::{LastPerKey, last_per_key};
pub use lifetime::{Forever, Lifetime, Within};
pub use sort::{Sort, sort, sort_by_key};
