//! Inputs of the random graphs.

use crate::random::Random;
use crate::row::Row;

/// What an input is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// No row.
    Empty,
    /// One row.
    One,
    /// Times that go up, by a little or not at all.
    InOrder,
    /// Times that go up on the whole, with rows far behind and jumps ahead.
    OutOfOrder,
    /// Times at the ends of common windows, and a microsecond around them; below zero, too.
    Boundaries,
    /// One time.
    Still,
    /// Times that go down.
    Backwards,
    /// As many rows as fill batches to the last place.
    FullBatches,
}

/// All kinds of input.
pub const INPUTS: [Input; 8] = [
    Input::Empty,
    Input::One,
    Input::InOrder,
    Input::OutOfOrder,
    Input::Boundaries,
    Input::Still,
    Input::Backwards,
    Input::FullBatches,
];

impl Input {
    /// The rows.
    pub fn rows(self, random: &mut Random) -> Vec<Row> {
        let mut now = random.between(-60, 60);
        let length = match self {
            Input::Empty => 0,
            Input::One => 1,
            Input::FullBatches => random.pick(&[7, 14, 64, 128]),
            _ => 20 + random.place(130),
        };
        let row = |_| Row::new(random.below(1_000), self.time(random, &mut now));
        (0..length).map(row).collect()
    }

    fn time(self, random: &mut Random, now: &mut i64) -> i64 {
        *now += match self {
            Input::Empty | Input::One | Input::Still => 0,
            Input::InOrder => random.between(0, 4),
            Input::OutOfOrder | Input::FullBatches => random.pick(&[0, 0, 1, 2, 3, 5, 60]),
            Input::Boundaries => random.pick(&[0, 1, 5, 10]),
            Input::Backwards => -random.between(0, 3),
        };
        match self {
            Input::OutOfOrder | Input::FullBatches if random.percent(40) => *now - random.between(0, 45),
            Input::Boundaries => now.div_euclid(5) * 5 + random.between(-1, 1) - random.pick(&[0, 0, 10]),
            _ => *now,
        }
    }
}
