//! Operators that work by the clock: fewer rows, or the same rows more slowly.
//!
//! The clock is the one of the graph: the system's, or one that a test moves by hand
//! ([`ManualClock`](crate::time::ManualClock)). It is read once a batch, so the rows of one batch are worked
//! on at one time. What comes out depends on the readings, as rule Z1 has it, and on nothing else: times of the
//! rows are passed through and not looked at.
//!
//! A row that is held back holds the frontier, so that no row is late for having waited; and it holds the end of the
//! graph. At the end of the stream what waits for others is emitted at once (rules J6, J9); what waits
//! for its turn, behind [`rate_limit`], still waits for it.

mod debounce;
mod latest;
mod rate_limit;
mod sample;
mod throttle;

pub use debounce::{AfterQuiet, debounce};
pub use latest::{Due, Latest};
pub use rate_limit::{RateLimit, rate_limit};
pub use sample::{AtTicks, sample};
pub use throttle::{Throttle, throttle};

use super::Cause;
use crate::time::TimeDelta;

/// Refuses a length of time that is not above zero; `what` says whose it is.
pub(crate) fn above_zero(what: &str, length: TimeDelta) -> Result<(), Cause> {
    if length > TimeDelta::ZERO {
        return Ok(());
    }
    Err(format!("{what} must be above zero, found {} microseconds", length.micros()).into())
}
