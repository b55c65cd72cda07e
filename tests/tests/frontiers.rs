//! Rules A: how frontiers arise, and how they go through a graph.

use std::pin::pin;

use Seen::{End, Frontier, Row};
use streamweave::operator::MissingTime;
use streamweave::prelude::*;
use streamweave_tests::record::{Log, Seen, record, take};
use streamweave_tests::{BATCHES, finish, until_it_waits};
use tokio::sync::mpsc;

/// A time of so many microseconds.
fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

fn time(row: &i64) -> EventTime {
    at(*row)
}

/// A row that is its own time.
fn row(micros: i64) -> Seen<i64, EventTime> {
    Row(micros, at(micros))
}

fn frontier(micros: i64) -> Seen<i64, EventTime> {
    Frontier(at(micros))
}

#[test]
fn a1_the_frontier_trails_the_greatest_time_by_the_bound_and_never_regresses() {
    for batch in BATCHES {
        let log = Log::default();
        finish(
            graph! {
                rows = from_iter([10, 9, 12, 3, 12, 13]);
                rows -> event_time(time, bounded(5.micros())) -> record(&log);
            }
            .batch(batch)
            .run(),
        );
        let expected =
            [row(10), frontier(5), row(9), row(12), frontier(7), row(3), row(12), row(13), frontier(8), End];
        assert_eq!(take(&log), expected, "batch {batch}");
    }
}

#[test]
fn a1_a_row_at_the_bound_is_on_time_and_one_microsecond_earlier_is_late() {
    for (second, late) in [(96, false), (95, false), (94, true)] {
        let result = finish(
            graph! {
                rows = from_iter([100, second]);
                // Windows of one microsecond: late is what is behind the frontier.
                each = tumbling(1.micros()).aggregate(Count::new);
                rows -> event_time(time, bounded(5.micros())) -> key_by(|_| ()) -> each -> panes;
                each.late -> late;
                panes = collect();
                late = collect();
            }
            .run(),
        );
        assert_eq!(result.late.len(), usize::from(late), "{second}");
        assert_eq!(result.panes.len(), 2 - usize::from(late), "{second}");
        result.assert_conserved();
    }
}

#[test]
fn a2_an_input_never_heard_from_holds_the_frontier_and_a13_one_that_has_ended_does_not() {
    let log = Log::default();
    let ((one, first), (two, second)) = (mpsc::channel(9), mpsc::channel(9));
    let mut run = pin!(
        graph! {
            first = from_channel(first);
            second = from_channel(second);
            one = event_time(time, bounded(0.micros()));
            two = event_time(time, bounded(0.micros()));
            first -> one;
            second -> two;
            [one, two] -> record(&log);
        }
        .run()
    );
    let mut after = |step: &dyn Fn()| {
        step();
        assert!(until_it_waits(run.as_mut()).is_pending());
        take(&log)
    };
    let send = |to: &mpsc::Sender<i64>, time| to.try_send(time).expect("there is room");
    assert_eq!(after(&|| send(&one, 10)), [row(10)]);
    assert_eq!(after(&|| send(&one, 20)), [row(20)]);
    assert_eq!(after(&|| send(&two, -3)), [row(-3), frontier(-3)]);
    assert_eq!(after(&|| send(&two, 15)), [row(15), frontier(15)]);
    assert_eq!(after(&|| send(&two, 30)), [row(30), frontier(20)]);
    assert_eq!(after(&|| send(&two, 25)), [row(25)]);
    drop(one);
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(take(&log), [frontier(30)]);
    drop(two);
    assert!(until_it_waits(run.as_mut()).is_ready());
    assert_eq!(take(&log), [End]);
}

#[test]
fn a11_a_filter_that_drops_every_row_still_advances_the_frontier() {
    for batch in BATCHES {
        let log = Log::default();
        finish(
            graph! {
                rows = from_iter([1, 2, 1, 7]);
                rows -> event_time(time, bounded(0.micros())) -> filter(|_| false) -> record(&log);
            }
            .batch(batch)
            .run(),
        );
        assert_eq!(take(&log), [frontier(1), frontier(2), frontier(7), End], "batch {batch}");
    }
}

#[test]
fn a11_every_operator_hands_on_every_frontier_behind_its_row() {
    #[node]
    fn refuse(_row: &i64) -> Result<i64, ()> {
        Err(())
    }

    let logs: [Log<i64, EventTime>; 11] = Default::default();
    let [plain, none, some, many, node, looked, folded, keyed, failed, met, met_late] = &logs;
    let result = finish(
        graph! {
            rows = from_iter([-5, 3, 2, 9]);
            timed = event_time(time, bounded(0.micros()));
            rows -> timed;
            timed -> map(|row| row) -> record(plain);
            timed -> filter_map(|_| None::<i64>) -> record(none);
            timed -> filter_map(Some) -> record(some);
            timed -> flat_map(|row| [row, row]) -> record(many);
            refused = refuse();
            timed -> refused -> record(node);
            refused.err -> map(|failed| failed.input) -> record(failed);
            timed -> inspect(|_| ()) -> record(looked);
            timed -> running_fold(0, |last, row| *last = row) -> record(folded);
            timed -> key_by(|row| row % 2) -> fold(|| 0, |last, row| *last = row) -> map(|last| last.value)
                -> record(keyed);
            // One arm of a diamond drops everything; the other is longer.
            dropped = filter(|_| false);
            kept = map(|row| row);
            timed -> dropped;
            timed -> map(|row| row) -> map(|row| row) -> kept;
            [dropped, kept] -> record(met);
            all_dropped = filter(|_| false);
            also_dropped = filter_map(|_| None::<i64>);
            timed -> [all_dropped, also_dropped];
            [also_dropped, all_dropped] -> record(met_late);
        }
        .run(),
    );
    result.assert_conserved();
    let whole = [row(-5), frontier(-5), row(3), frontier(3), row(2), row(9), frontier(9), End];
    let frontiers = [frontier(-5), frontier(3), frontier(9), End];
    for (name, log) in [plain, some, looked, folded, keyed, failed, met].into_iter().enumerate() {
        assert_eq!(take(log), whole, "log {name}");
    }
    for (name, log) in [none, node, met_late].into_iter().enumerate() {
        assert_eq!(take(log), frontiers, "log {name} without rows");
    }
    let doubled = |seen: Seen<i64, EventTime>| match seen {
        Row(..) => vec![seen, seen],
        Frontier(_) | Seen::Idle(_) | End => vec![seen],
    };
    assert_eq!(take(many), whole.map(doubled).concat());
}

#[test]
fn a11_a_frontier_never_overtakes_a_row_on_the_longer_arm() {
    for batch in BATCHES {
        let log = Log::default();
        let result = finish(
            graph! {
                rows = from_iter(0..200);
                timed = event_time(time, bounded(0.micros()));
                rows -> timed;
                inner_long = map(|row: i64| row);
                inner_short = inspect(|_| ());
                inner = map(|row: i64| row);
                timed -> map(|row| row) -> [inner_long, inner_short];
                [inner_short, inner_long] -> inner;
                short = inspect(|_| ());
                timed -> short;
                [short, inner] -> flat_map(|row| [row, row]) -> record(&log);
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        let seen = take(&log);
        let of = |time| [vec![row(time); 6], vec![frontier(time)]].concat();
        let expected: Vec<_> = (0..200).flat_map(of).chain([End]).collect();
        assert_eq!(seen, expected, "batch {batch}");
    }
}

#[test]
fn a11_panes_come_before_the_frontier_that_fires_them() {
    let log = Log::default();
    finish(
        graph! {
            rows = from_iter([1, 12, 35]);
            tens = tumbling(10.micros()).aggregate(Count::new);
            rows -> event_time(time, bounded(0.micros())) -> key_by(|_| ()) -> tens
                -> map(|pane| pane.value.window.start.micros()) -> record(&log);
            tens.late -> discard;
        }
        .run(),
    );
    let expected =
        [frontier(1), Row(0, at(9)), frontier(12), Row(10, at(19)), frontier(35), Row(30, at(39)), End];
    assert_eq!(take(&log), expected);
}

#[test]
fn a12_a_missing_time_goes_to_err_and_does_not_move_the_frontier() {
    for batch in BATCHES {
        let log = Log::default();
        let result = finish(
            graph! {
                rows = from_iter([Some(-100), None, Some(-90), None]);
                timed = event_time(|row: &Option<i64>| row.map(at), bounded(0.micros()));
                rows -> timed -> map(|row| row.unwrap_or(0)) -> record(&log);
                timed.err -> missing;
                missing = collect();
            }
            .batch(batch)
            .run(),
        );
        // At time 0 the frontier would come to 0, and the row of -90 would be behind it.
        assert_eq!(take(&log), [row(-100), frontier(-100), row(-90), frontier(-90), End]);
        let missing = Failed { input: None, error: MissingTime };
        assert_eq!(result.missing, [missing, missing]);
        result.assert_conserved();
    }
}

#[test]
fn a12_a_time_that_cannot_be_read_goes_to_err_with_the_reason() {
    let result = finish(
        graph! {
            rows = from_iter(["-7", "soon", "12", ""]);
            tens = tumbling(10.micros()).aggregate(Count::new);
            timed = event_time(|row: &&str| row.parse::<i64>().map(at), bounded(0.micros()));
            rows -> timed -> key_by(|_| ()) -> tens -> map(|pane| pane.value.window.start.micros()) -> starts;
            tens.late -> discard;
            timed.err -> map(|failed| (failed.input, failed.error.to_string())) -> unread;
            starts = collect();
            unread = collect();
        }
        .run(),
    );
    assert_eq!(result.starts, [-10, 10]);
    let reasons = [("soon", "invalid digit found in string"), ("", "cannot parse integer from empty string")];
    assert_eq!(result.unread, reasons.map(|(input, reason)| (input, reason.to_owned())));
    result.assert_conserved();
}

#[test]
fn a12_the_extremes_of_time_neither_overflow_nor_panic() {
    const EXTREMES: [i64; 6] = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];
    let orders = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [0, 5, 0, 5, 1, 4], [3, 0, 5, 2, 5, 0]];
    for (size, offset, bound) in sizes_offsets_bounds() {
        for order in orders {
            let rows = order.map(|place| EXTREMES[place]);
            let result = finish(
                graph! {
                    rows = from_iter(rows);
                    timed = event_time(time, bounded(TimeDelta::from_micros(bound)));
                    windows = tumbling(TimeDelta::from_micros(size))
                        .offset(TimeDelta::from_micros(offset))
                        .aggregate(Count::new);
                    rows -> timed -> key_by(|_| ()) -> windows;
                    windows -> panes;
                    windows.late -> late;
                    panes = collect();
                    late = collect();
                }
                .run(),
            );
            result.assert_conserved();
            let about = format!("size {size}, offset {offset}, bound {bound}, rows {rows:?}");
            let counted: u64 = result.panes.iter().map(|pane| pane.value.value).sum();
            // What becomes of a window that starts at the greatest time is the next test's.
            let lost = window_starts_at_the_greatest_time(size, offset);
            let lost = rows.iter().filter(|row| lost && **row == i64::MAX).count();
            assert!(counted + (result.late.len() + lost) as u64 >= rows.len() as u64, "{about}");
            let windows = result.panes.iter().map(|pane| pane.value.window);
            for window in windows.chain(result.late.iter().map(|late| late.window)) {
                assert!(window.start <= window.end, "{window:?}: {about}");
            }
            for late in &result.late {
                assert!(late.window.start <= late.time && late.time < late.window.end, "{late:?}: {about}");
                assert!(late.window.end <= late.frontier, "{late:?}: {about}");
            }
        }
    }
}

fn window_starts_at_the_greatest_time(size: i64, offset: i64) -> bool {
    (i128::from(i64::MAX) - i128::from(offset)).rem_euclid(i128::from(size)) == 0
}

/// The counts of the panes of two rows at the greatest time.
fn counts_at_the_greatest_time(size: i64) -> Vec<u64> {
    let result = finish(
        graph! {
            rows = from_iter([i64::MAX, i64::MAX]);
            windows = tumbling(size.micros()).aggregate(Count::new);
            rows -> event_time(time, bounded(0.micros())) -> key_by(|_| ()) -> windows
                -> map(|pane| pane.value.value) -> counts;
            windows.late -> late;
            counts = collect();
            late = collect();
        }
        .run(),
    );
    result.assert_conserved();
    // The end of the window is cut off at the end of time: only the end of the stream closes it.
    assert!(result.late.is_empty());
    result.counts
}

#[test]
fn a12_rows_in_a_window_that_starts_at_the_greatest_time_are_counted() {
    assert_eq!(counts_at_the_greatest_time(1), [2]);
}

#[test]
fn a12_rows_at_the_greatest_time_are_in_one_window() {
    for size in [2, 10, 3_600_000_000] {
        assert_eq!(counts_at_the_greatest_time(size), [2], "size {size}");
    }
}

/// Lengths from the least to the greatest, in every combination.
fn sizes_offsets_bounds() -> impl Iterator<Item = (i64, i64, i64)> {
    const OFFSETS: [i64; 5] = [i64::MIN, -3, 0, 3, i64::MAX];
    const BOUNDS: [i64; 5] = [i64::MIN, 0, 1, 86_400_000_000, i64::MAX];
    [1, 2, 10, 3_600_000_000, i64::MAX - 1, i64::MAX].into_iter().flat_map(|size| {
        OFFSETS.into_iter().flat_map(move |offset| BOUNDS.into_iter().map(move |bound| (size, offset, bound)))
    })
}
