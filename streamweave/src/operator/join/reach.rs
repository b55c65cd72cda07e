//! How far apart the rows of a pair may be, and what follows from it for times and frontiers.

use crate::operator::Cause;
use crate::time::{EventTime, Frontier, TimeDelta};

/// Beyond every time: how far a stream has come that has ended.
pub(super) const END: i128 = i128::MAX;

/// A frontier as a number that does not overflow.
#[inline]
pub(super) fn micros(frontier: &Frontier<EventTime>) -> i128 {
    frontier.time().map_or(END, |time| time.micros().into())
}

/// A number as a frontier.
#[inline]
pub(super) fn frontier(micros: i128) -> Frontier<EventTime> {
    if micros == END { Frontier::end() } else { Frontier::at(cut_off(micros)) }
}

/// A number as a time, cut off at the ends of time.
#[inline]
fn cut_off(micros: i128) -> EventTime {
    EventTime::from_micros(micros.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

/// A pair of rows is one where `left + lower <= right <= left + upper`, in times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    lower: i128,
    upper: i128,
}

/// At which time a pair comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PairTime {
    /// The later of its two.
    Later,
    /// That of its left row.
    Left,
    /// The earlier of its two.
    Earlier,
}

impl PairTime {
    #[inline(always)]
    pub(super) fn of(self, left: EventTime, right: EventTime) -> EventTime {
        match self {
            PairTime::Later => left.max(right),
            PairTime::Left => left,
            PairTime::Earlier => left.min(right),
        }
    }
}

impl Reach {
    pub(super) fn new(lower: TimeDelta, upper: TimeDelta) -> Self {
        Reach { lower: lower.micros().into(), upper: upper.micros().into() }
    }

    pub(super) fn validate(self) -> Result<(), Cause> {
        let Reach { lower, upper } = self;
        if lower <= upper {
            return Ok(());
        }
        Err(format!(
            "the lower bound of an interval join must not be above the upper, found {lower} us and {upper} us"
        )
        .into())
    }

    /// The times at which a left row has partners; `None` where no time can be.
    #[inline(always)]
    pub(super) fn of_left(self, left: EventTime) -> Option<(EventTime, EventTime)> {
        let left = i128::from(left.micros());
        between(left + self.lower, left + self.upper)
    }

    /// The times at which a right row has partners; `None` where no time can be.
    #[inline(always)]
    pub(super) fn of_right(self, right: EventTime) -> Option<(EventTime, EventTime)> {
        let right = i128::from(right.micros());
        between(right - self.upper, right - self.lower)
    }

    /// Left rows before this have no partner to come, once the right input has come so far (rule E2).
    #[inline]
    pub(super) fn left_limit(self, right: i128) -> i128 {
        if right == END { END } else { right - self.upper }
    }

    /// Right rows before this have no partner to come, once the left input has come so far (rule E2).
    #[inline]
    pub(super) fn right_limit(self, left: i128) -> i128 {
        if left == END { END } else { left + self.lower }
    }

    /// No pair to come is before this (rule E5), nor is any row without a partner that is still to come.
    ///
    /// A pair to come has a row to come. Where the time is that of the other row, or may be, that can be earlier by
    /// as much as the two may be apart.
    pub(super) fn pairs_to_come(self, time: PairTime, left: i128, right: i128) -> i128 {
        let (before_left, before_right) = match time {
            PairTime::Later => (0, 0),
            PairTime::Left => (0, self.upper.max(0)),
            PairTime::Earlier => ((-self.lower).max(0), self.upper.max(0)),
        };
        let back = |reached: i128, by| if reached == END { END } else { reached - by };
        back(left, before_left).min(back(right, before_right))
    }
}

#[inline(always)]
fn between(from: i128, to: i128) -> Option<(EventTime, EventTime)> {
    if from > i64::MAX.into() || to < i64::MIN.into() {
        return None;
    }
    Some((cut_off(from), cut_off(to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Units;

    #[test]
    fn bounds_at_the_ends_of_time_do_not_overflow() {
        let at = EventTime::from_micros;
        let reach = Reach::new(10.micros(), 20.micros());
        assert_eq!(reach.of_left(EventTime::MAX), None);
        assert_eq!(reach.of_left(at(i64::MAX - 15)), Some((at(i64::MAX - 5), EventTime::MAX)));
        assert_eq!(reach.of_right(EventTime::MIN), None);
        assert_eq!(reach.of_right(at(i64::MIN + 15)), Some((EventTime::MIN, at(i64::MIN + 5))));
    }

    #[test]
    fn e2_a_row_goes_when_the_opposite_input_has_passed_its_last_partner() {
        let reach = Reach::new(TimeDelta::from_micros(-2), 5.micros());
        // A left row of 10 has partners until 15: it goes at 16.
        assert!(reach.left_limit(15) <= 10 && reach.left_limit(16) > 10);
        // A right row of 10 has partners until 12: it goes at 13.
        assert!(reach.right_limit(12) <= 10 && reach.right_limit(13) > 10);
        assert_eq!((reach.left_limit(END), reach.right_limit(END)), (END, END));
    }

    #[test]
    fn e5_the_frontier_is_held_by_the_width_that_the_time_asks_for() {
        let reach = Reach::new(TimeDelta::from_micros(-2), 5.micros());
        assert_eq!(reach.pairs_to_come(PairTime::Later, 100, 103), 100);
        assert_eq!(reach.pairs_to_come(PairTime::Left, 100, 103), 98);
        assert_eq!(reach.pairs_to_come(PairTime::Earlier, 100, 200), 98);
        assert_eq!(reach.pairs_to_come(PairTime::Earlier, END, 200), 195);
        assert_eq!(reach.pairs_to_come(PairTime::Earlier, END, END), END);
    }
}
