//! Lengths of event time.

use std::ops::{Add, Mul, Neg};

/// A signed length of event time, in microseconds.
///
/// Unlike [`std::time::Duration`] it may be negative: window offsets and join bounds are.
///
/// # Examples
///
/// ```
/// use streamweave::time::{TimeDelta, Units};
///
/// assert_eq!(2.hours(), TimeDelta::from_micros(7_200_000_000));
/// assert_eq!(90.minutes() * 2, 3.hours());
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct TimeDelta(i64);

impl TimeDelta {
    /// No time at all.
    pub const ZERO: TimeDelta = TimeDelta(0);

    /// A length of `micros` microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        TimeDelta(micros)
    }

    /// The length in microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whether the length is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl Add for TimeDelta {
    type Output = TimeDelta;

    /// Saturates at the ends of `i64`.
    fn add(self, other: TimeDelta) -> TimeDelta {
        TimeDelta(self.0.saturating_add(other.0))
    }
}

impl Mul<i64> for TimeDelta {
    type Output = TimeDelta;

    /// Saturates at the ends of `i64`.
    fn mul(self, by: i64) -> TimeDelta {
        TimeDelta(self.0.saturating_mul(by))
    }
}

impl Neg for TimeDelta {
    type Output = TimeDelta;

    fn neg(self) -> TimeDelta {
        TimeDelta(self.0.saturating_neg())
    }
}

/// Writes lengths of time as `1.hours()`, `30.minutes()`, `250.millis()`; all saturate.
pub trait Units: Sized {
    /// So many microseconds.
    fn micros(self) -> TimeDelta;

    /// So many milliseconds.
    fn millis(self) -> TimeDelta {
        self.micros() * 1_000
    }

    /// So many seconds.
    fn secs(self) -> TimeDelta {
        self.micros() * 1_000_000
    }

    /// So many minutes.
    fn minutes(self) -> TimeDelta {
        self.micros() * 60_000_000
    }

    /// So many hours.
    fn hours(self) -> TimeDelta {
        self.micros() * 3_600_000_000
    }

    /// So many days of 24 hours.
    fn days(self) -> TimeDelta {
        self.micros() * 86_400_000_000
    }
}

impl Units for i64 {
    fn micros(self) -> TimeDelta {
        TimeDelta(self)
    }
}

impl Units for i32 {
    fn micros(self) -> TimeDelta {
        TimeDelta(i64::from(self))
    }
}

impl Units for u32 {
    fn micros(self) -> TimeDelta {
        TimeDelta(i64::from(self))
    }
}
