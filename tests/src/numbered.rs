//! Scripts of streams whose rows can be told apart, and what must hold of any stream that was seen.

use streamweave::time::EventTime;

use crate::random::Random;
use crate::record::Seen::{self, End, Frontier, Idle, Row};
use crate::script::Step;

/// A key, and a number that no other row has.
pub type Numbered = (i64, i64);

/// Steps of a stream in which no row is behind the frontier that was told before it; in the end the clock goes on
/// until nothing waits for it.
pub fn steps(random: &mut Random, first: i64) -> Vec<Step<Numbered>> {
    let mut frontier = random.between(-9, 9);
    (first..first + 60)
        .map(|number| match random.place(10) {
            0..5 => Step::Row((random.between(0, 2), number), frontier + random.between(0, 9)),
            5..8 => {
                frontier += random.between(0, 6);
                Step::Frontier(frontier)
            }
            _ => Step::Clock(random.between(1, 9)),
        })
        .chain([Step::Clock(20); 60])
        .collect()
}

/// How far a stream has come in the end.
pub fn furthest<'a>(steps: impl IntoIterator<Item = &'a Step<Numbered>>) -> Option<i64> {
    let told = |step: &Step<_>| if let Step::Frontier(time) = step { Some(*time) } else { None };
    steps.into_iter().filter_map(told).max()
}

/// The rows of what was seen, with their times.
///
/// # Panics
///
/// Where a frontier has overtaken a row or went back, or the end is missing or not the last.
#[track_caller]
pub fn rows_in_order<D>(seen: Vec<Seen<D, EventTime>>, about: &str) -> Vec<(D, i64)> {
    let mut frontier = EventTime::MIN;
    let mut rows = Vec::new();
    let mut is_ended = false;
    for seen in seen {
        assert!(!is_ended, "{about}: something comes after the end");
        match seen {
            Row(row, time) => {
                assert!(time >= frontier, "{about}: a row of {time:?} comes behind {frontier:?}");
                rows.push((row, time.micros()));
            }
            Frontier(time) | Idle(time) => {
                assert!(time >= frontier, "{about}: {time:?} comes after {frontier:?}");
                frontier = time;
            }
            End => is_ended = true,
        }
    }
    assert!(is_ended, "{about}: no end");
    rows
}
