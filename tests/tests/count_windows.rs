//! Windows of so many rows.

use streamweave::operator::Collect;
use streamweave::prelude::*;
use streamweave_tests::{BATCHES, finish};

/// The windows of so many rows, every so many, over the numbers from zero on, by two keys.
fn windows(numbers: u64, rows: usize, every: usize, batch: usize) -> Vec<(u64, Vec<u64>)> {
    let result = finish(
        graph! {
            numbers = from_iter(0..numbers);
            windows = count_windows(rows).every(every).aggregate(Collect::new);
            numbers -> key_by(|n| n % 2) -> windows -> map(|window| (window.key, window.value)) -> all;
            all = collect();
        }
        .batch(batch)
        .run(),
    );
    result.assert_conserved();
    result.all
}

/// The same, worked out anew for each row.
fn naive(numbers: u64, rows: usize, every: usize) -> Vec<(u64, Vec<u64>)> {
    let mut seen: [Vec<u64>; 2] = Default::default();
    let mut all = Vec::new();
    let last = |seen: &[u64], rows: usize| seen[seen.len().saturating_sub(rows)..].to_vec();
    for n in 0..numbers {
        let seen = &mut seen[n as usize % 2];
        seen.push(n);
        if seen.len() % every == 0 {
            all.push((n % 2, last(seen, rows)));
        }
    }
    for (key, seen) in (0..).zip(&seen) {
        let left = seen.len() % every;
        if left > 0 {
            // Of a window that is not complete there is what came since the last, and what the two share.
            all.push((key, last(seen, left + rows.saturating_sub(every))));
        }
    }
    all
}

#[test]
fn windows_of_rows_are_the_last_rows_every_so_many() {
    for (rows, every) in [(1, 1), (3, 3), (3, 1), (4, 2), (6, 4), (5, 3), (2, 5), (4, 6)] {
        for numbers in [0, 1, 7, 24, 41] {
            for batch in BATCHES {
                let found = windows(numbers, rows, every, batch);
                let mut expected = naive(numbers, rows, every);
                // The rest comes by key; a key whose windows share nothing may have been forgotten and come anew.
                let complete = expected.len() - expected.len().min(2);
                expected[complete..].sort();
                let mut sorted = found.clone();
                let from = sorted.len() - sorted.len().min(2);
                sorted[from..].sort();
                assert_eq!(sorted, expected, "{rows} rows every {every} of {numbers} by {batch}");
            }
        }
    }
}

#[test]
fn a_window_of_no_rows_is_refused() {
    let refused = finish_with_error(0, 1).or(finish_with_error(1, 0));
    assert!(refused.expect("it is refused").contains("must be above zero, found 0"));
}

fn finish_with_error(rows: usize, every: usize) -> Option<String> {
    let graph = graph! {
        numbers = from_iter([1]);
        numbers -> key_by(|_| ()) -> count_windows(rows).every(every).aggregate(Count::new) -> discard;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(graph.run()).err().map(|error| {
        use std::error::Error;
        error.source().map_or_else(|| error.to_string(), ToString::to_string)
    })
}
