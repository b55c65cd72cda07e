//! A frontier that moves in steps.

use super::{Strategy, Watermark};
use crate::time::{EventTime, Frontier, TimeDelta};

/// The frontier moves in multiples of a granularity; see [`Strategy::every`].
#[derive(Clone, Debug)]
pub struct Every<W> {
    pub(crate) watermark: W,
    granularity: i64,
}

impl<W> Every<W> {
    pub(super) fn new(watermark: W, granularity: TimeDelta) -> Self {
        Every { watermark, granularity: granularity.micros().max(1) }
    }
}

impl<W> Strategy for Every<W> {}

impl<D, W: Watermark<D>> Watermark<D> for Every<W> {
    const USES_CLOCK: bool = W::USES_CLOCK;

    #[inline]
    fn observe(&mut self, row: &D, time: EventTime) -> Option<EventTime> {
        self.watermark.observe(row, time.floor(self.granularity))
    }

    fn timeout(&self) -> Option<TimeDelta> {
        self.watermark.timeout()
    }

    fn quiet(&mut self, by: TimeDelta) -> Option<Frontier<EventTime>> {
        self.watermark.quiet(by)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Strategy, Watermark, bounded};
    use crate::time::{EventTime, Units};

    #[test]
    fn times_before_the_epoch_are_rounded_down_and_the_ends_of_time_do_not_overflow() {
        let at = EventTime::from_micros;
        let mut watermark = Strategy::every(bounded(1.micros()), 10.micros());
        let mut itself = bounded(1.micros()).every(10.micros());
        let seen =
            [i64::MIN, i64::MIN + 15, -11, -10, -1, 0, i64::MAX].map(|t| watermark.observe(&(), at(t)));
        let last = i64::MAX / 10 * 10 - 1;
        let expected =
            [None, Some(at(i64::MIN + 7)), Some(at(-21)), Some(at(-11)), None, Some(at(-1)), Some(at(last))];
        assert_eq!(seen, expected);
        let seen = [i64::MIN, i64::MIN + 15, -11, -10, -1, 0, i64::MAX].map(|t| itself.observe(&(), at(t)));
        assert_eq!(seen, expected);
    }
}
