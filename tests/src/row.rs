//! The rows of the random graphs, and what their operators do to one row.
//!
//! The graph and the interpreter call the same functions here: what is tested is how rows and
//! frontiers move, not what a closure computes. All arithmetic stays small, so that a difference
//! can be read.

use std::fmt;

use streamweave::prelude::*;

/// Results of arithmetic stay below this.
const SMALL: u64 = 10_007;

/// A value and its time, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// The time, as data.
    pub time: i64,
    /// The value.
    pub value: u64,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.value, self.time)
    }
}

impl Row {
    /// A row of a value at a time.
    pub fn new(value: u64, time: i64) -> Self {
        Row { time, value }
    }

    /// Another row, at a time near by.
    pub fn step(self, salt: u64) -> Row {
        let moved = i64::try_from((self.value + salt) % 7).expect("below seven") - 3;
        Row::new((self.value * 31 + salt) % SMALL, self.time + moved)
    }

    /// Whether a filter keeps it; a modulus of one keeps none.
    pub fn keep(&self, modulus: u64, residue: u64) -> bool {
        self.value % modulus != residue
    }

    /// Another row, or none.
    pub fn some(self, modulus: u64) -> Option<Row> {
        (!self.value.is_multiple_of(modulus)).then(|| self.step(modulus))
    }

    /// No row, one or two.
    pub fn several(self, salt: u64) -> impl Iterator<Item = Row> {
        (0..(self.value + salt) % 3).map(move |item| self.step(salt + item))
    }

    /// Another row, or an error that is a row.
    ///
    /// # Errors
    ///
    /// Where the modulus divides the value.
    pub fn attempt(self, modulus: u64) -> Result<Row, Row> {
        if self.value.is_multiple_of(modulus) { Err(self.step(1)) } else { Ok(self.step(2)) }
    }

    /// The time, unless the modulus divides the value.
    pub fn time_or_none(&self, modulus: u64) -> Option<EventTime> {
        (!self.value.is_multiple_of(modulus)).then(|| EventTime::from_micros(self.time))
    }

    /// The time, or the value as an error.
    ///
    /// # Errors
    ///
    /// Where the modulus divides the value.
    pub fn time_or_error(&self, modulus: u64) -> Result<EventTime, u64> {
        self.time_or_none(modulus).ok_or(self.value)
    }

    /// One of so many keys.
    pub fn key(&self, keys: u64) -> u64 {
        self.value % keys
    }

    /// A count as a row.
    pub fn of_count(count: u64) -> Row {
        Row::new(count, i64::try_from(count).expect("a small count") * 3)
    }

    /// A key and its count as a row.
    pub fn of_key_count(key: u64, count: u64) -> Row {
        Row::new(key * 1_000 + count, i64::try_from(count).expect("a small count") * 5)
    }

    /// A key and its summary as a row.
    pub fn of_key_summary(key: u64, summary: Summary) -> Row {
        let row = summary.row();
        Row::new(row.value * 10 + key, row.time)
    }

    /// What fired, as a row: key, window and aggregate are told apart.
    pub fn of_pane(key: u64, start: i64, end: i64, value: Row) -> Row {
        let length = u64::try_from(end - start).expect("a window has a length");
        Row::new((value.value * 1_000 + length * 10 + key) % 10_000_019, start)
    }

    /// A late row with its window and the frontier, as a row.
    pub fn of_late(row: Row, window: (i64, i64), frontier: i64) -> Row {
        let behind = u64::try_from(frontier - window.1).expect("the frontier has passed the window");
        Row::new((row.value * 1_000 + behind) % 10_000_019, row.time + window.0 - window.1)
    }
}

/// Fails where five divides the value.
///
/// # Errors
///
/// The rest of the value by three.
#[node]
pub fn attempt_borrowed(row: &Row) -> Result<Row, u64> {
    if row.value.is_multiple_of(5) { Err(row.value % 3) } else { Ok(row.step(3)) }
}

/// What rows come to, in the order in which they came: two orders give two summaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    rows: u64,
    sum: u64,
    last: i64,
}

impl Summary {
    /// Takes a row in.
    pub fn add(&mut self, row: Row) {
        self.rows += 1;
        self.sum = (self.sum * 3 + row.value) % SMALL;
        self.last = row.time;
    }

    /// As a row, at the time of the last one.
    pub fn row(self) -> Row {
        Row::new((self.rows * 7 + self.sum) % SMALL, self.last)
    }
}
