//! How long a key is remembered.

use crate::operator::Cause;
use crate::time::{EventTime, TimeDelta};

/// How long a key is remembered.
pub trait Lifetime<T> {
    /// The last frontier at which a key whose row is at `time` is still known; `None` where it always is.
    fn until(&self, time: &T) -> Option<T>;

    /// Refuses a length that cannot work.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    fn validate(&self) -> Result<(), Cause> {
        Ok(())
    }
}

/// Every key is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Forever;

impl<T> Lifetime<T> for Forever {
    fn until(&self, _time: &T) -> Option<T> {
        None
    }
}

/// A key is remembered until the frontier is further than this beyond the time of its row.
#[derive(Clone, Copy, Debug)]
pub struct Within(pub(super) TimeDelta);

impl Lifetime<EventTime> for Within {
    fn until(&self, time: &EventTime) -> Option<EventTime> {
        Some(*time + self.0)
    }

    fn validate(&self) -> Result<(), Cause> {
        if self.0.is_negative() {
            return Err(format!("a ttl must not be below zero, found {} us", self.0.micros()).into());
        }
        Ok(())
    }
}
