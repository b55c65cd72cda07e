//! A frontier at a fixed distance from the greatest time.

use super::{Strategy, Watermark};
use crate::time::{EventTime, TimeDelta};

/// The frontier follows the greatest timestamp at a fixed distance; see [`bounded`].
#[derive(Clone, Debug)]
pub struct BoundedOutOfOrderness {
    bound: TimeDelta,
    granularity: TimeDelta,
    /// The last time that does not move the frontier: that of the step of the greatest.
    pub(crate) last: EventTime,
}

/// Rows arrive at most `bound` of event time later than rows that are newer than they are.
///
/// After a greatest timestamp `m` the frontier is `m - bound`: a row at exactly that time is on
/// time, one a microsecond earlier is behind (rule A1). The frontier moves with every new
/// greatest timestamp. A negative bound counts as zero.
pub fn bounded(bound: TimeDelta) -> BoundedOutOfOrderness {
    let granularity = TimeDelta::from_micros(1);
    BoundedOutOfOrderness { bound: bound.max(TimeDelta::ZERO), granularity, last: EventTime::MIN }
}

/// Rows arrive in the order of their times: [`bounded`] by zero. A row below the greatest time is behind.
pub fn ascending() -> BoundedOutOfOrderness {
    bounded(TimeDelta::ZERO)
}

impl BoundedOutOfOrderness {
    /// As [`Strategy::every`], at the cost of one compare a row.
    #[must_use]
    pub fn every(self, granularity: TimeDelta) -> Self {
        BoundedOutOfOrderness { granularity: granularity.max(self.granularity), ..self }
    }

    #[inline(never)]
    fn step(&mut self, time: EventTime) -> EventTime {
        let first = time.floor(self.granularity.micros());
        self.last = first + TimeDelta::from_micros(self.granularity.micros() - 1);
        first
    }
}

impl Strategy for BoundedOutOfOrderness {}

impl<D> Watermark<D> for BoundedOutOfOrderness {
    #[inline]
    fn observe(&mut self, _row: &D, time: EventTime) -> Option<EventTime> {
        if time <= self.last {
            return None;
        }
        let first = if self.granularity.micros() == 1 {
            self.last = time;
            time
        } else {
            self.step(time)
        };
        Some(first - self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Units;

    #[test]
    fn the_frontier_trails_the_greatest_timestamp_and_never_regresses() {
        let mut watermark = bounded(5.micros());
        let seen = [10, 9, 12, 3, 12, 13].map(|t| watermark.observe(&(), EventTime::from_micros(t)));
        let at = |t| Some(EventTime::from_micros(t));
        assert_eq!(seen, [at(5), None, at(7), None, None, at(8)]);
    }

    #[test]
    fn the_least_time_does_not_overflow() {
        assert_eq!(bounded(1.days()).observe(&(), EventTime::MIN), None);
        assert_eq!(
            bounded(1.days()).observe(&(), EventTime::from_micros(i64::MIN + 1)),
            Some(EventTime::MIN)
        );
    }
}
