//! The times that a stream can carry.

use std::fmt::{self, Debug};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TimeDelta;
use super::civil::Date;
use super::frontier::{Antichain, AtMostOne, Frontier, Moment, Reached};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A time that a stream's elements can carry: partially ordered, with a least element.
///
/// # Contract
///
/// `less_equal` is reflexive, antisymmetric and transitive, and `minimum()` is below every time.
pub trait Timestamp: Clone + Eq + Debug + Send + 'static {
    /// How a frontier of such times is stored: one slot where the order is total.
    type Antichain: Antichain<Self>;

    /// The least time.
    fn minimum() -> Self;

    /// Whether `self` is at or before `other`.
    fn less_equal(&self, other: &Self) -> bool;

    /// The time as reports show it.
    fn moment(&self) -> Moment {
        Moment::Unnamed
    }

    /// What a port notes of the time for reports, at each frontier: zero, or bits that
    /// [`of_bits`](Timestamp::of_bits) reads.
    #[doc(hidden)]
    #[inline(always)]
    fn to_bits(&self) -> u64 {
        u64::from(*self != Self::minimum())
    }

    /// How far a stream is whose least time has these bits.
    #[doc(hidden)]
    fn of_bits(bits: u64) -> Reached {
        if bits == 0 { Reached::Start } else { Reached::At(Moment::Unnamed) }
    }
}

/// A [`Timestamp`] of which any two are comparable.
pub trait TotalOrder: Timestamp<Antichain = AtMostOne<Self>> + Ord {}

/// The time of a stream that has none: its only frontiers are "still going" and "ended".
impl Timestamp for () {
    type Antichain = AtMostOne<()>;

    fn minimum() {}

    fn less_equal(&self, _other: &()) -> bool {
        true
    }
}

impl TotalOrder for () {}

/// An epoch or version: a count that says which round of input an element belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogicalTime(pub u64);

impl Timestamp for LogicalTime {
    type Antichain = AtMostOne<LogicalTime>;

    fn minimum() -> Self {
        LogicalTime(0)
    }

    fn less_equal(&self, other: &Self) -> bool {
        self <= other
    }

    fn moment(&self) -> Moment {
        Moment::Logical(*self)
    }

    #[inline(always)]
    fn to_bits(&self) -> u64 {
        self.0
    }

    fn of_bits(bits: u64) -> Reached {
        Reached::of(&Frontier::at(LogicalTime(bits)))
    }
}

impl TotalOrder for LogicalTime {}

impl fmt::Display for LogicalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}

/// The time at which something happened: microseconds since the Unix epoch, before it included.
///
/// It prints, parses and (de)serialises as RFC 3339 in UTC, with a fraction only where there is
/// one. Arithmetic saturates, so that no timestamp of the input can overflow.
///
/// # Examples
///
/// ```
/// use streamweave::time::{EventTime, Units};
///
/// let t = EventTime::utc(2013, 1, 1, 5, 15).unwrap();
/// assert_eq!(t.to_string(), "2013-01-01T05:15:00Z");
/// assert_eq!((t + 1.hours()).to_string(), "2013-01-01T06:15:00Z");
/// assert_eq!("2013-01-01T05:15:00Z".parse(), Ok(t));
/// assert_eq!(EventTime::utc(2013, 2, 30, 0, 0), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

impl EventTime {
    /// The least event time.
    pub const MIN: EventTime = EventTime(i64::MIN);
    /// The greatest event time.
    pub const MAX: EventTime = EventTime(i64::MAX);

    /// The time `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        EventTime(micros)
    }

    /// The time `secs` seconds after the Unix epoch, saturating.
    pub const fn from_secs(secs: i64) -> Self {
        EventTime(secs.saturating_mul(MICROS_PER_SECOND))
    }

    /// The microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The greatest multiple of so many microseconds, which are above zero, that is not after this time.
    #[inline]
    pub(crate) const fn floor(self, micros: i64) -> Self {
        EventTime(self.0.div_euclid(micros).saturating_mul(micros))
    }

    /// A date and time of day in UTC, or `None` where the calendar has none such.
    pub fn utc(year: i32, month: u32, day: u32, hour: u32, minute: u32) -> Option<Self> {
        if hour > 23 || minute > 59 {
            return None;
        }
        let days = Date { year: i64::from(year), month, day }.days()?;
        let minutes = days * 1_440 + i64::from(hour) * 60 + i64::from(minute);
        minutes.checked_mul(60 * MICROS_PER_SECOND).map(EventTime)
    }
}

impl Timestamp for EventTime {
    type Antichain = AtMostOne<EventTime>;

    fn minimum() -> Self {
        EventTime::MIN
    }

    #[inline]
    fn less_equal(&self, other: &Self) -> bool {
        self <= other
    }

    #[inline]
    fn moment(&self) -> Moment {
        Moment::Event(*self)
    }

    #[inline(always)]
    fn to_bits(&self) -> u64 {
        self.0.cast_unsigned()
    }

    fn of_bits(bits: u64) -> Reached {
        Reached::of(&Frontier::at(EventTime(bits.cast_signed())))
    }
}

impl TotalOrder for EventTime {}

impl std::ops::Add<TimeDelta> for EventTime {
    type Output = EventTime;

    #[inline]
    fn add(self, delta: TimeDelta) -> EventTime {
        EventTime(self.0.saturating_add(delta.micros()))
    }
}

impl std::ops::Sub<TimeDelta> for EventTime {
    type Output = EventTime;

    #[inline]
    fn sub(self, delta: TimeDelta) -> EventTime {
        EventTime(self.0.saturating_sub(delta.micros()))
    }
}

impl std::ops::Sub for EventTime {
    type Output = TimeDelta;

    #[inline]
    fn sub(self, earlier: EventTime) -> TimeDelta {
        TimeDelta::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = Date::from_days(self.0.div_euclid(MICROS_PER_DAY));
        let of_day = self.0.rem_euclid(MICROS_PER_DAY);
        let (seconds, fraction) = (of_day / MICROS_PER_SECOND, of_day % MICROS_PER_SECOND);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        if year < 0 {
            f.write_str("-")?;
        }
        let year = year.unsigned_abs();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if fraction != 0 {
            write!(f, ".{fraction:06}")?;
        }
        f.write_str("Z")
    }
}

impl Debug for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a time such as `2013-01-01T05:15:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a UTC time such as `2013-01-01T05:15:00Z`, found `{0}`")]
pub struct ParseTimeError(String);

impl FromStr for EventTime {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_utc(text).ok_or_else(|| ParseTimeError(text.to_owned()))
    }
}

fn parse_utc(text: &str) -> Option<EventTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (month_day, year) = {
        let (year_month, day) = date.rsplit_once('-')?;
        let (year, month) = year_month.rsplit_once('-')?;
        ((number(month, 2)?, number(day, 2)?), year_of(year)?)
    };
    let mut clock = time.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if clock.next().is_some() || second > 59 || fraction.len() > 6 {
        return None;
    }
    let micros = number(fraction, fraction.len())? * 10_u32.pow(6 - fraction.len() as u32);
    if hour > 23 || minute > 59 {
        return None;
    }
    let days = Date { year, month: month_day.0, day: month_day.1 }.days()?;
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    let micros = i128::from(days) * i128::from(MICROS_PER_DAY)
        + i128::from(seconds * MICROS_PER_SECOND + i64::from(micros));
    i64::try_from(micros).ok().map(EventTime)
}

/// Four digits, or more and a sign where the year has more.
fn year_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.len() >= 4 && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    let plain = digits.len() == 4 || !digits.starts_with('0');
    (whole && plain).then(|| text.parse().ok()).flatten()
}

fn number(digits: &str, len: usize) -> Option<u32> {
    let right = digits.len() == len && digits.bytes().all(|b| b.is_ascii_digit());
    right.then(|| digits.parse().ok()).flatten()
}

impl Serialize for EventTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As a number where no person reads it: state, and formats of machines.
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for EventTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(EventTime);
        }
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_time_prints_and_parses_both_sides_of_the_epoch() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_357_016_400_500_000, "2013-01-01T05:00:00.500000Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(EventTime(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(EventTime(micros)));
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "2013-01-01",
            "2013-01-01T05:15Z",
            "2013-1-01T05:15:00Z",
            "2013-01-01T24:00:00Z",
            "2013-01-01T05:15:60Z",
            "2013-01-01T05:15:00",
            "2013-01-01T05:15:00.1234567Z",
            "2013-02-29T00:00:00Z",
        ] {
            assert!(text.parse::<EventTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_print_and_do_not_overflow() {
        for time in
            [EventTime::MIN, EventTime::MAX, EventTime(i64::MIN + 1), EventTime(-62_200_000_000_000_000)]
        {
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        assert_eq!(EventTime::MIN - TimeDelta::from_micros(1), EventTime::MIN);
        assert_eq!(EventTime::MAX + TimeDelta::from_micros(1), EventTime::MAX);
    }
}
