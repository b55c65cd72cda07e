//! Rules B (and D1): which window a row is in, and when a window fires.

use std::pin::pin;

use streamweave::Error;
use streamweave::prelude::*;
use streamweave_tests::{BATCHES, finish, until_it_waits};
use tokio::sync::mpsc;

fn time(row: &i64) -> EventTime {
    EventTime::from_micros(*row)
}

fn bounds(window: Window) -> (i64, i64) {
    (window.start.micros(), window.end.micros())
}

/// The windows of rows that are their own times, each with its count; no row is late.
fn windows(rows: &[i64], size: i64, offset: i64) -> Vec<((i64, i64), u64)> {
    let result = finish(
        graph! {
            rows = from_iter(rows.to_vec());
            windows = tumbling(size.micros()).offset(TimeDelta::from_micros(offset)).aggregate(Count::new);
            rows -> event_time(time, bounded(1.hours())) -> key_by(|_| ()) -> windows
                -> map(|pane| (bounds(pane.value.window), pane.value.value)) -> panes;
            windows.late -> late;
            panes = collect();
            late = collect();
        }
        .run(),
    );
    result.assert_conserved();
    assert!(result.late.is_empty());
    result.panes
}

#[test]
fn b1_the_start_of_a_window_is_the_floor_of_the_time() {
    let table = [
        (-1, 0, (-10, 0)),
        (-10, 0, (-10, 0)),
        (-11, 0, (-20, -10)),
        (0, 0, (0, 10)),
        (9, 0, (0, 10)),
        (10, 0, (10, 20)),
        (-1, 3, (-7, 3)),
        (-1, -3, (-3, 7)),
        (3, 3, (3, 13)),
        (2, 3, (-7, 3)),
        (-4, -3, (-13, -3)),
    ];
    for (row, offset, window) in table {
        assert_eq!(windows(&[row], 10, offset), [(window, 1)], "time {row}, offset {offset}");
    }
}

#[test]
fn b1_an_offset_outside_the_size_is_reduced_modulo_the_size() {
    for offset in [3, 13, -7, -17, 1_000_003, 10 * 1_000_000_000 + 3] {
        assert_eq!(windows(&[-1], 10, offset), [((-7, 3), 1)], "offset {offset}");
    }
    // i64::MAX is 7 modulo ten, and i64::MIN is 2.
    assert_eq!(windows(&[-1], 10, i64::MAX), [((-3, 7), 1)]);
    assert_eq!(windows(&[-1], 10, i64::MIN), [((-8, 2), 1)]);
}

#[test]
fn b2_windows_are_aligned_to_the_epoch_and_not_to_the_first_row() {
    for first in -35..35_i64 {
        let start = first.div_euclid(10) * 10;
        assert_eq!(windows(&[first], 10, 0), [((start, start + 10), 1)]);
        // Whatever came first, a row of 104 is in the same window.
        assert_eq!(windows(&[first, 104], 10, 0)[1], ((100, 110), 1));
        assert_eq!(windows(&[104, first], 10, 0)[1], ((100, 110), 1));
    }
}

/// A run of a window of this size, and how many rows it has taken.
fn refuse(size: i64) -> (Error, usize) {
    let mut taken = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let refused = runtime.block_on(
        graph! {
            rows = from_iter((0..3).inspect(|_| taken += 1));
            windows = tumbling(TimeDelta::from_micros(size)).aggregate(Count::new);
            rows -> event_time(time, bounded(0.micros())) -> key_by(|_| ()) -> windows -> discard;
            windows.late -> discard;
        }
        .run(),
    );
    let Err(error) = refused else { panic!("a size of {size} was taken") };
    (error, taken)
}

#[test]
fn b5_a_size_that_is_not_positive_is_refused_before_the_first_row() {
    for size in [0, -1, i64::MIN] {
        let (error, taken) = refuse(size);
        assert_eq!(taken, 0);
        assert!(error.to_string().contains("windows"), "the error names the node: {error}");
    }
}

#[test]
fn b5_a_size_that_is_not_positive_is_an_invalid_node() {
    for size in [0, -1, i64::MIN] {
        let (error, _) = refuse(size);
        assert!(matches!(error, Error::Invalid { node: "windows", .. }), "{error:?}");
    }
}

#[test]
fn b6_a_row_at_the_end_of_a_window_belongs_to_the_next() {
    assert_eq!(windows(&[9, 10], 10, 0), [((0, 10), 1), ((10, 20), 1)]);
    assert_eq!(windows(&[-1, 0], 10, 0), [((-10, 0), 1), ((0, 10), 1)]);
}

#[test]
fn b6_a_window_fires_when_the_frontier_reaches_its_end_and_not_before() {
    for batch in BATCHES {
        let (to, from) = mpsc::channel(9);
        let (fired, mut panes) = mpsc::channel(9);
        let mut run = pin!(
            graph! {
                rows = from_channel(from);
                tens = tumbling(10.micros()).aggregate(Count::new);
                rows -> event_time(time, bounded(2.micros())) -> key_by(|_| ()) -> tens
                    -> map(|pane| (bounds(pane.value.window), pane.value.value)) -> to_channel(fired);
                tens.late -> late;
                late = collect();
            }
            .batch(batch)
            .run()
        );
        let mut after = |time: i64| {
            to.try_send(time).expect("there is room");
            assert!(until_it_waits(run.as_mut()).is_pending());
            std::iter::from_fn(|| panes.try_recv().ok()).collect::<Vec<_>>()
        };
        assert_eq!(after(5), []);
        assert_eq!(after(10), [], "the frontier is 8");
        assert_eq!(after(11), [], "the frontier is 9");
        assert_eq!(after(9), [], "a row of an open window is taken behind the greatest time");
        assert_eq!(after(12), [((0, 10), 2)], "the frontier is 10");
        assert_eq!(after(9), [], "a row of a fired window is late");
        drop(to);
        assert!(until_it_waits(run.as_mut()).is_ready());
        assert_eq!(panes.try_recv().ok(), Some(((10, 20), 3)), "the end fires what is open");
    }
}

#[test]
fn b9_a_window_without_a_row_emits_nothing() {
    assert_eq!(windows(&[], 10, 0), []);
    assert_eq!(windows(&[1, 1_000_000], 10, 0), [((0, 10), 1), ((1_000_000, 1_000_010), 1)]);
}

#[test]
fn d1_a_row_behind_the_frontier_is_late_only_when_its_window_has_ended() {
    let result = finish(
        graph! {
            rows = from_iter([5, 3, 10, 3, 19, 11, 20, 19]);
            tens = tumbling(10.micros()).aggregate(Count::new);
            rows -> event_time(time, bounded(0.micros())) -> key_by(|_| "k") -> tens
                -> map(|pane| (bounds(pane.value.window), pane.value.value)) -> panes;
            tens.late -> late;
            panes = collect();
            late = collect();
        }
        .run(),
    );
    assert_eq!(result.panes, [((0, 10), 2), ((10, 20), 3), ((20, 30), 1)]);
    let late = |row, start, frontier| Late {
        row: Keyed { key: "k", value: row },
        time: time(&row),
        window: Window { start: time(&start), end: time(&(start + 10)) },
        frontier: time(&frontier),
    };
    assert_eq!(result.late, [late(3, 0, 10), late(19, 10, 20)]);
    result.assert_conserved();
}
