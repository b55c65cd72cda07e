//! Days and times of day, counted by hand.

//! The proleptic Gregorian calendar in whole minutes since 1970-01-01T00:00Z.

/// Minutes in a day.
pub(crate) const DAY: i64 = 24 * 60;

/// Whether `year` is a leap year.
fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of days of a month, or `None` for a month that does not exist.
fn days_in_month(year: i64, month: u32) -> Option<u32> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if is_leap(year) { 29 } else { 28 }),
        _ => None,
    }
}

/// Days from 0001-01-01 to the first of January of `year`.
fn days_before_year(year: i64) -> i64 {
    let y = year - 1;
    365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400)
}

/// Days from 1970-01-01 to the given date, or `None` if it does not exist.
pub(crate) fn days_of(year: i64, month: u32, day: u32) -> Option<i64> {
    if day < 1 || day > days_in_month(year, month)? {
        return None;
    }
    let mut days = days_before_year(year) - days_before_year(1970);
    for earlier in 1..month {
        days += i64::from(days_in_month(year, earlier)?);
    }
    Some(days + i64::from(day) - 1)
}

/// The date that lies `days` days after 1970-01-01.
pub(crate) fn date_of(days: i64) -> (i64, u32, u32) {
    let mut year = 1970 + days.div_euclid(366);
    if days < 0 {
        year = 1970 + days.div_euclid(365) - 1;
    }
    let first = |y: i64| days_before_year(y) - days_before_year(1970);
    while first(year + 1) <= days {
        year += 1;
    }
    let mut left = days - first(year);
    let mut month = 1;
    while let Some(length) = days_in_month(year, month) {
        if left < i64::from(length) {
            break;
        }
        left -= i64::from(length);
        month += 1;
    }
    let day = u32::try_from(left).expect("a day of a month is small") + 1;
    (year, month, day)
}

/// `2013-01-01T05:00:00Z` for a count of minutes since the epoch.
pub(crate) fn iso(minutes: i64) -> String {
    let (year, month, day) = date_of(minutes.div_euclid(DAY));
    let of_day = minutes.rem_euclid(DAY);
    let (hour, minute) = (of_day / 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z")
}
