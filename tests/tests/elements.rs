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
fn batch_gives_what_chunks_gives() {
    for n in &COUNTS[1..] {
        check!(batch(*n), |rows| rows.chunks(*n).map(<[u64]>::to_vec).collect());
    }
}

#[test]
fn batch_bytes_fills_batches_up_to_the_limit() {
    for limit in [1, 2, 11, 30, 1_000, usize::MAX] {
        check!(batch_bytes(limit, |row| *row as usize), |rows| {
            let size = |batch: &[u64]| batch.iter().sum::<u64>() as usize;
            let mut batches: Vec<Vec<u64>> = Vec::new();
            for row in rows {
                match batches.last_mut() {
                    Some(last) if size(last) < limit && size(last) + row as usize <= limit => last.push(row),
                    _ => batches.push(vec![row]),
                }
            }
            batches
        });
    }
}

#[test]
fn sizes_that_overflow_fill_a_batch() {
    let result = finish(
        graph! {
            rows = from_iter([1, usize::MAX, usize::MAX, 1, 0]);
            rows -> batch_bytes(usize::MAX - 1, |size| *size) -> out;
            out = collect();
        }
        .run(),
    );
    assert_eq!(result.out, [vec![1], vec![usize::MAX], vec![usize::MAX], vec![1, 0]]);
}

#[test]
fn partition_sends_each_row_to_one_port() {
    for rows in inputs() {
        for batch in BATCHES {
            let result = finish(
                graph! {
                    rows = from_iter(rows.clone());
                    halves = partition(|n| n % 2 == 0);
                    rows -> halves;
                    halves.matching -> even;
                    halves.rest -> odd;
                    even = collect();
                    odd = collect();
                }
                .batch(batch)
                .run(),
            );
            result.assert_conserved();
            let (even, odd): (Vec<u64>, Vec<u64>) = rows.iter().partition(|n| *n % 2 == 0);
            assert_eq!((result.even, result.odd), (even, odd), "batch {batch}");
        }
    }
}

#[test]
fn partition_takes_changes() {
    let mut seen = Vec::new();
    finish(
        graph! {
            rows = from_iter([1, 2]);
            halves = partition(|n| n % 2 == 0);
            rows -> from_start -> to_changes -> halves;
            halves.matching -> for_each_update(|row: Update<_, LogicalTime, i64>| {
                seen.push((row.data, row.diff));
            });
            halves.rest -> discard;
        }
        .run(),
    );
    assert_eq!(seen, [(2, 1)]);
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
    refused!(batch(0), "above zero");
    refused!(batch_bytes(0, |_| 1), "above zero");
}

/// Operators between a source of event time and a window.
mod timed {
    use super::*;

    const BOUND: i64 = 10;
    const SIZE: i64 = 15;

    /// Times that go up on the whole, with rows behind within the bound and some beyond it.
    fn times(seed: u64) -> Vec<i64> {
        let mut random = Random::new(seed);
        let mut now = random.between(-50, 50);
        let rows = random.below(120);
        let row = |_| {
            now += random.pick(&[0, 0, 1, 2, 5, 30]);
            now - random.pick(&[0, 0, 0, 3, 8, 25, 60])
        };
        (0..rows).map(row).collect()
    }

    /// The rows that never reach the window, though they move the frontier.
    fn kept(row: &(usize, i64)) -> bool {
        row.0 % 4 != 0
    }

    /// The rows, by number, that a window without a batch before it takes for late.
    fn late_alone(rows: &[(usize, i64)]) -> Vec<usize> {
        let mut frontier = i64::MIN;
        let mut late = Vec::new();
        for row in rows {
            if kept(row) && (row.1.div_euclid(SIZE) + 1) * SIZE <= frontier {
                late.push(row.0);
            }
            frontier = frontier.max(row.1 - BOUND);
        }
        late
    }

    /// A batch of rows.
    type Rows = Vec<(usize, i64)>;

    /// The batches of each window, and those that came too late.
    fn windows_of_batches(rows: &Rows, n: usize, batch_size: usize) -> (Vec<Pane<Vec<Rows>>>, Vec<Rows>) {
        let result = finish(
            graph! {
                rows = from_iter(rows.clone());
                rows -> event_time(|row| EventTime::from_micros(row.1), bounded(BOUND.micros()))
                    -> filter(kept) -> batch(n) -> key_by(|_| ()) -> windows;
                windows = tumbling(SIZE.micros()).fold(Vec::new, |held, rows| held.push(rows));
                windows -> map(|pane| pane.value) -> panes;
                windows.late -> map(|late| late.row.value) -> late;
                panes = collect();
                late = collect();
            }
            .batch(batch_size)
            .run(),
        );
        result.assert_conserved();
        (result.panes, result.late)
    }

    #[test]
    fn a_batch_is_late_only_where_each_of_its_rows_would_be() {
        let mut with_a_straggler = 0;
        for seed in 0..200 {
            let rows: Rows = times(seed).into_iter().enumerate().collect();
            let late = late_alone(&rows);
            for n in [1, 2, 3, 10, 1_000] {
                let (panes, too_late) = windows_of_batches(&rows, n, 1024);
                for batch in &too_late {
                    assert!(batch.iter().all(|row| late.contains(&row.0)), "seed {seed}, n {n}: {batch:?}");
                }
                for pane in &panes {
                    for batch in &pane.value {
                        let time = batch.iter().map(|row| row.1).max().expect("a batch has rows");
                        let time = EventTime::from_micros(time);
                        assert!(pane.window.start <= time && time < pane.window.end, "seed {seed}, n {n}");
                        with_a_straggler += usize::from(batch.iter().any(|row| late.contains(&row.0)));
                    }
                }
                let mut came: Rows = panes.iter().flat_map(|pane| &pane.value).flatten().copied().collect();
                came.extend(too_late.iter().flatten());
                came.sort_unstable();
                assert_eq!(came, rows.iter().copied().filter(kept).collect::<Rows>(), "seed {seed}, n {n}");
            }
        }
        assert!(with_a_straggler > 100, "the inputs have stragglers");
    }

    #[test]
    fn z1_batches_and_their_windows_do_not_depend_on_where_the_input_was_cut() {
        for seed in 0..50 {
            let rows: Rows = times(seed).into_iter().enumerate().collect();
            for n in [1, 3, 10] {
                let expected = windows_of_batches(&rows, n, 1);
                for batch_size in [7, 1024] {
                    assert_eq!(windows_of_batches(&rows, n, batch_size), expected, "seed {seed}, n {n}");
                }
            }
        }
    }

    #[test]
    fn a_batch_of_one_is_as_late_as_its_row() {
        for seed in 0..200 {
            let rows: Rows = times(seed).into_iter().enumerate().collect();
            let (_, late) = windows_of_batches(&rows, 1, 1024);
            let late: Vec<usize> = late.into_iter().map(|batch| batch[0].0).collect();
            assert_eq!(late, late_alone(&rows), "seed {seed}");
        }
    }

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
    fn a_batch_holds_the_frontier_back_no_further_than_to_its_own_time() {
        // The batch goes out with the third row; the fourth is held, and holds nothing back before 40.
        let events = events!(batch(3), [1, 2, 3, 40, 41]);
        assert_eq!(events, [Row(1), Row(2), Row(3), Row(40), Fired(10), Row(41), Fired(50)]);
        // The frontier is at 59 when the fourth comes; the third is held until then.
        let events = events!(batch(2), [1, 2, 13, 59, 60]);
        assert_eq!(events, [Row(1), Row(2), Row(13), Fired(10), Row(59), Row(60), Fired(70)]);
        // The least time held is 1, the greatest 23: nothing before 23 is to come.
        let events = events!(batch(4), [1, 2, 3, 4, 1, 23, 39]);
        assert_eq!(
            events,
            [1, 2, 3, 4, 1, 23]
                .map(Row)
                .into_iter()
                .chain([Fired(10), Row(39), Fired(30)])
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_batch_that_goes_out_lets_the_frontier_go_at_once() {
        // The fourth row is behind the frontier, and moves it no more; yet with it the batch is full.
        let events = events!(batch(2), [5, 99, 50, 29]);
        assert_eq!(events, [Row(5), Row(99), Row(50), Fired(60), Row(29)]);
    }

    #[test]
    fn both_ports_of_a_partition_follow_the_frontier() {
        let fired = std::cell::RefCell::new(Vec::new());
        let graph = graph! {
            rows = from_iter([1_i64, 2, 40, 51]);
            halves = partition(|row| row % 2 == 0);
            rows -> inspect(|row: &i64| fired.borrow_mut().push(Row(*row)))
                -> event_time(|row| EventTime::from_micros(*row), bounded(0.micros())) -> halves;
            [halves.matching, halves.rest] -> key_by(|_| ()) -> windows
                -> for_each(|pane| fired.borrow_mut().push(Fired(pane.value.window.end.micros())));
            windows = tumbling(10.micros()).aggregate(Count::new);
            windows.late -> discard;
        };
        finish(graph.run()).assert_conserved();
        let fired = fired.into_inner();
        assert_eq!(fired, [Row(1), Row(2), Row(40), Fired(10), Row(51), Fired(50), Fired(60)]);
    }

    #[test]
    fn the_frontier_goes_on_behind_a_take_that_has_taken_all() {
        let events = events!(take(2), [1, 2, 40, 41]);
        assert_eq!(events, [Row(1), Row(2), Row(40), Fired(10), Row(41)]);
    }
}

/// Whatever the capacity, `memo` gives what `map` gives; the function is called once for each row that is not among the
/// last so many different ones.
#[test]
fn memo_is_a_map_that_calls_less_often() {
    use streamweave::operator::element::MemoCounts;

    let rows: Vec<u64> = (0..300_u64).map(|i| (i * i * 31 + i * 7) % 11).collect();
    for capacity in [1, 3, 11, 50] {
        let mut recent: Vec<u64> = Vec::new();
        let mut naive = Vec::new();
        for row in &rows {
            match recent.iter().position(|other| other == row) {
                Some(at) => _ = recent.remove(at),
                None => naive.push(*row),
            }
            recent.push(*row);
            recent.drain(..recent.len().saturating_sub(capacity));
        }
        for batch in BATCHES {
            let (counts, mut called) = (MemoCounts::default(), Vec::new());
            let result = finish(
                graph! {
                    rows = from_iter(rows.clone());
                    rows -> memo(capacity, |row| { called.push(*row); row + 1 }).counted(&counts) -> out;
                    out = collect();
                }
                .batch(batch)
                .run(),
            );
            result.assert_conserved();
            assert_eq!(result.out, rows.iter().map(|row| row + 1).collect::<Vec<_>>());
            drop(result);
            assert_eq!(called, naive);
            assert_eq!(counts.misses(), naive.len() as u64);
            assert_eq!(counts.hits(), (rows.len() - naive.len()) as u64);
        }
    }
}
