//! What the rows of the queries are made of, and how they are printed.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};
use streamweave::differential::Average;
use streamweave::format::csv::CsvEncoder;
use streamweave::prelude::*;

/// The time of so many milliseconds since the Unix epoch.
pub(super) fn at(millis: u64) -> EventTime {
    EventTime::from_micros(i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1_000))
}

/// The milliseconds since the Unix epoch.
pub(super) fn millis(time: EventTime) -> i64 {
    time.micros().div_euclid(1_000)
}

/// A day, in UTC, printed as its date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(u64);

impl Day {
    const MILLIS: u64 = 86_400_000;

    /// The day of so many milliseconds since the Unix epoch.
    pub(super) const fn of(millis: u64) -> Self {
        Day(millis / Day::MILLIS)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // 2015-07-15T00:00:00Z
        let midnight = at(self.0 * Day::MILLIS).to_string();
        serializer.collect_str(midnight.split('T').next().unwrap_or(&midnight))
    }
}

/// SQL's average of whole numbers, which is one, too: what is behind the point is left out.
pub(super) fn whole(average: Average) -> i128 {
    average.numerator() / i128::from(average.denominator())
}

/// A price in euros, exactly: SQL's `DECIMAL(23, 3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Euros {
    thousandths: u128,
}

impl Euros {
    /// So many euros.
    pub(super) const fn new(euros: u64) -> Self {
        Euros { thousandths: euros as u128 * 1_000 }
    }

    /// `0.908 * price`.
    pub(super) fn of(price: usize) -> Self {
        Euros { thousandths: price as u128 * 908 }
    }
}

impl Display for Euros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.thousandths / 1_000, self.thousandths % 1_000)
    }
}

impl Serialize for Euros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The rows as lines of CSV, sorted by their bytes.
///
/// # Panics
///
/// If a row is no flat record.
pub(super) fn sorted_lines<R: Serialize>(rows: &[R]) -> Vec<String> {
    let mut encoder = CsvEncoder::new().without_header();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let mut line = Vec::new();
            encoder.write(row, &mut line).expect("a row is a flat record");
            line.truncate(line.len() - 1);
            String::from_utf8(line).expect("a row is made of text")
        })
        .collect();
    lines.sort_unstable();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_is_cut_off_at_the_point() {
        for (sum, rows, expected) in
            [(7, 2, 3), (8, 2, 4), (2, 3, 0), (6_000_000_000_000_000_001, 2, 3_000_000_000_000_000_000)]
        {
            assert_eq!(whole(Average::of(sum, rows).expect("there are rows")), expected);
        }
    }

    #[test]
    fn euros_are_exact() {
        for (price, euros) in [(0, "0.000"), (1, "0.908"), (100, "90.800"), (99_999_999, "90799999.092")] {
            assert_eq!(Euros::of(price).to_string(), euros);
        }
        assert!(Euros::of(1_101_322) > Euros::new(1_000_000));
        assert!(Euros::of(1_101_321) < Euros::new(1_000_000));
    }
}
