//! The operators on the rows of one stream, each against the same thing said with iterators, over
//! batch sizes and inputs (rules Z1, Z2).

use std::collections::HashSet;

use streamweave::prelude::*;
use streamweave_tests::random::Random;
use streamweave_tests::{BATCHES, finish};

/// No row, one, some, many; with and without repetition.
fn inputs() -> Vec<Vec<u64>> {
    let mut random = Random::new(7);
    let mut inputs = vec![vec![], vec![5], vec![0, 0, 0], (0..20).collect(), (0..20).rev().collect()];
    inputs.extend((0..10).map(|_| (0..random.below(300)).map(|_| random.below(12)).collect()));
    inputs.push((0..2_500).map(|_| random.below(1_000)).collect());
    inputs
}

/// Holds an operator against what it ought to give for the rows `$rows`, a `Vec<u64>`.
macro_rules! check {
    ($operator:expr, |$rows:ident| $naive:expr) => {
        for $rows in inputs() {
            for batch in BATCHES {
                let result = finish(
                    graph! {
                        rows = from_iter($rows.clone());
                        rows -> operator -> out;
                        operator = $operator;
                        out = collect();
                    }
                    .batch(batch)
                    .run(),
                );
                result.assert_conserved();
                let $rows = $rows.clone();
                let expected: Vec<_> = $naive;
                assert_eq!(result.out, expected, "batch {batch}");
            }
        }
    };
}

/// The numbers of rows at which something may go wrong.
const COUNTS: [usize; 7] = [0, 1, 2, 3, 7, 20, 5_000];

#[test]
fn take_passes_the_first_rows() {
    for n in COUNTS {
        check!(take(n as u64), |rows| rows.into_iter().take(n).collect());
    }
}

#[test]
fn skip_passes_all_but_the_first_rows() {
    for n in COUNTS {
        check!(skip(n as u64), |rows| rows.into_iter().skip(n).collect());
    }
}

#[test]
fn take_while_ends_at_the_first_row_that_is_refused() {
    check!(take_while(|n| *n != 11), |rows| rows.into_iter().take_while(|n| *n != 11).collect());
    check!(take_while(|_| false), |rows| rows.into_iter().take(0).collect());
}

#[test]
fn skip_while_begins_at_the_first_row_that_is_refused() {
    check!(skip_while(|n| *n != 11), |rows| rows.into_iter().skip_while(|n| *n != 11).collect());
    check!(skip_while(|_| false), |rows| rows);
}

#[test]
fn every_passes_the_first_row_and_each_nth_after_it() {
    for n in &COUNTS[1..] {
        check!(every(*n as u64), |rows| rows.into_iter().step_by(*n).collect());
    }
}

#[test]
fn distinct_passes_the_first_of_equal_rows() {
    check!(distinct(), |rows| {
        let mut seen = HashSet::new();
        rows.into_iter().filter(|row| seen.insert(*row)).collect()
    });
}

#[test]
fn distinct_by_passes_the_first_row_of_each_key() {
    check!(distinct_by(|n| n % 5), |rows| {
        let mut seen = HashSet::new();
        rows.into_iter().filter(|row| seen.insert(row % 5)).collect()
    });
}

#[test]
fn dedup_passes_the_first_of_equal_neighbours() {
    check!(dedup(), |rows| {
        let mut rows = rows;
        rows.dedup();
        rows
    });
}

#[test]
fn scan_has_one_state_and_a_none_ends_nothing() {
    let step = |sum: &mut u64, row: u64| {
        *sum += row;
        (*sum % 3 != 0).then_some((*sum, row))
    };
    check!(scan(1, step), |rows| {
        let mut sum = 1;
        rows.into_iter().filter_map(|row| step(&mut sum, row)).collect()
    });
}

#[test]
fn enumerate_counts_from_zero() {
    check!(enumerate(), |rows| (0..).zip(rows).collect());
}

#[test]
fn pairwise_gives_neighbours() {
    check!(pairwise(), |rows| rows.windows(2).map(|pair| (pair[0], pair[1])).collect());
}

#[test]
fn an_amount_of_zero_is_refused_before_the_first_row() {
    macro_rules! refused {
        ($operator:expr, $why:literal) => {
            let graph = graph! {
                rows = from_iter(0..3_u64);
                rows -> operator -> discard;
                operator = $operator;
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let error = runtime.block_on(graph.run()).err().expect("it is refused");
            let said = std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
            assert!(said.contains($why), "{said}");
        };
    }
    refused!(every(0), "above zero");
}

/// Operators between a source of event time and a window.
mod timed {
    use super::*;

    /// What happens in which order: a row comes to the operator, or a window of ten behind it fires.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Event {
        Row(i64),
        Fired(i64),
    }
    use Event::{Fired, Row};

    /// The events of an operator between an exact watermark and a window; what ends in 9 moves the
    /// frontier, but does not reach the operator.
    macro_rules! events {
        ($operator:expr, $rows:expr) => {{
            let events = std::cell::RefCell::new(Vec::new());
            let result = finish(
                graph! {
                    rows = from_iter($rows);
                    rows -> inspect(|row: &i64| events.borrow_mut().push(Row(*row)))
                        -> event_time(|row| EventTime::from_micros(*row), bounded(0.micros()))
                        -> filter(|row| row % 10 != 9) -> operator -> key_by(|_| ()) -> windows
                        -> for_each(|pane| events.borrow_mut().push(Fired(pane.value.window.end.micros())));
                    operator = $operator;
                    windows = tumbling(10.micros()).aggregate(Count::new);
                    windows.late -> discard;
                }
                .run(),
            );
            result.assert_conserved();
            events.into_inner()
        }};
    }

    #[test]
    fn the_frontier_goes_on_behind_a_take_that_has_taken_all() {
        let events = events!(take(2), [1, 2, 40, 41]);
        assert_eq!(events, [Row(1), Row(2), Row(40), Fired(10), Row(41)]);
    }
}
