//! Keyed streams, and running aggregates: over each key, or over all rows.
//!
//! A running aggregate emits after every row what the rows so far come to. It takes streams
//! without diffs: a row once added is never taken back. State grows with the number of keys.

mod key_by;
mod running;

pub use key_by::key_by;
pub use running::{
    Running, RunningByKey, count, fold, max, mean, min, running_count, running_fold, running_max,
    running_mean, running_min, running_sum, sum,
};
