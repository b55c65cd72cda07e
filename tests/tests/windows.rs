//! Rules B (and D1): which window a row is in, and when a window fires.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use streamweave::Error;
use streamweave::operator::Merge;
use streamweave::operator::window::{period, rows};
use streamweave::prelude::*;
use streamweave_tests::script::{Came, Step, Watched, drive, play, watch};
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

/// The sliding windows that fire of rows that are their own times, with their counts; and how many rows are in none.
fn sliding_windows(rows: &[i64], size: i64, slide: i64) -> (Vec<((i64, i64), u64)>, u64) {
    let result = finish(
        graph! {
            rows = from_iter(rows.to_vec());
            windows = sliding(size.micros(), slide.micros()).aggregate(Count::new);
            rows -> event_time(time, bounded(0.micros())) -> key_by(|_| ()) -> windows
                -> map(|pane| (bounds(pane.value.window), pane.value.value)) -> panes;
            windows.late -> late;
            panes = collect();
            late = collect();
        }
        .run(),
    );
    result.assert_conserved();
    assert!(result.late.is_empty());
    let unassigned = result.report().node("windows").expect("it is there").unassigned;
    (result.panes, unassigned)
}

#[test]
fn b3_sliding_windows_that_do_not_divide() {
    let of = |row| sliding_windows(&[row], 10, 3);
    assert_eq!(of(10), (vec![((3, 13), 1), ((6, 16), 1), ((9, 19), 1)], 0));
    assert_eq!(of(12), (vec![((3, 13), 1), ((6, 16), 1), ((9, 19), 1), ((12, 22), 1)], 0));
    assert_eq!(of(2), (vec![((-6, 4), 1), ((-3, 7), 1), ((0, 10), 1)], 0));
    let together = [((3, 13), 2), ((6, 16), 2), ((9, 19), 2), ((12, 22), 1)];
    assert_eq!(sliding_windows(&[10, 12], 10, 3), (together.to_vec(), 0));
}

#[test]
fn b4_a_row_between_two_windows_is_unassigned_and_not_late() {
    assert_eq!(sliding_windows(&[4], 3, 5), (vec![], 1));
    assert_eq!(sliding_windows(&[5], 3, 5), (vec![((5, 8), 1)], 0));
    assert_eq!(sliding_windows(&[7, 8, 9, 10], 3, 5), (vec![((5, 8), 1), ((10, 13), 1)], 2));
    // However far behind it is.
    assert_eq!(sliding_windows(&[100, 4], 3, 5), (vec![((100, 103), 1)], 1));
}

#[test]
fn b6_windows_that_overlap_fire_at_their_ends_and_a_row_there_belongs_to_the_next() {
    assert_eq!(
        sliding_windows(&[4, 5, 10], 10, 5).0,
        [((-5, 5), 1), ((0, 10), 2), ((5, 15), 2), ((10, 20), 1)]
    );
    let log = Watched::default();
    let steps =
        [Step::Row((), 9), Step::Frontier(9), Step::Row((), 4), Step::Frontier(10), Step::Frontier(14)];
    drive(&steps, |from, clock| {
        graph! {
            steps = from_channel(from);
            windows = sliding(10.micros(), 5.micros()).aggregate(Count::new);
            steps -> play -> key_by(|_| ()) -> windows -> map(|pane| (bounds(pane.value.window), pane.value.value))
                -> watch(&log);
            windows.late -> discard;
        }
        .clock(clock)
        .run()
    })
    .expect("nothing fails");
    let expected = [
        Came::Frontier(9, false),
        Came::Row(((0, 10), 2), 9, 1),
        Came::Frontier(10, false),
        Came::Frontier(14, false),
        Came::Row(((5, 15), 1), 14, 1),
        Came::End,
    ];
    // The row of 4 is in [-5, 5), too, which has ended: it goes to those that are open (rule D1).
    assert_eq!(log.take(), expected);
}

/// What the aggregates of a run have been asked for.
#[derive(Debug, Default)]
struct Asked {
    live: Cell<i64>,
    most: Cell<i64>,
    adds: Cell<u64>,
    merges: Cell<u64>,
}

/// A count that says what it is asked for.
#[derive(Debug)]
struct Counted(u64, Rc<Asked>);

impl Counted {
    fn new(asked: &Rc<Asked>) -> Self {
        asked.live.set(asked.live.get() + 1);
        asked.most.set(asked.most.get().max(asked.live.get()));
        Counted(0, Rc::clone(asked))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.live.set(self.1.live.get() - 1);
    }
}

impl Aggregate<(i64, u8)> for Counted {
    type Output = u64;

    fn add(&mut self, _row: (i64, u8)) {
        self.0 += 1;
        self.1.adds.set(self.1.adds.get() + 1);
    }

    fn output(&self) -> u64 {
        self.0
    }
}

impl Merge for Counted {
    fn merge(&mut self, later: &Self) {
        self.0 += later.0;
        self.1.merges.set(self.1.merges.get() + 1);
    }
}

const KEYS: u8 = 5;

/// Rows in order, ten each microsecond, of each key in turn.
fn dense_rows() -> Vec<(i64, u8)> {
    (0..2_000_i64).flat_map(|time| (0..10_u8).map(move |row| (time, row % KEYS))).collect()
}

macro_rules! asked {
    ($windows:expr) => {{
        let asked = Rc::new(Asked::default());
        let of = Rc::clone(&asked);
        let result = finish(
            graph! {
                rows = from_iter(dense_rows());
                windows = $windows.aggregate(move || Counted::new(&of));
                rows -> event_time(|row: &(i64, u8)| time(&row.0), bounded(0.micros())) -> key_by(|row| row.1) -> windows
                    -> panes;
                windows.late -> discard;
                panes = collect();
            }
            .run(),
        );
        result.assert_conserved();
        assert_eq!(asked.live.get(), 0, "all state is dropped");
        (asked, result.panes.len() as u64)
    }};
}

#[test]
fn b7_state_is_a_few_slices_a_key_and_a_firing_merges_each_slice_at_most_once() {
    for (size, slide) in [(100, 10), (100, 30), (60, 1), (7, 3), (10, 10), (3, 5)] {
        let runs = [
            asked!(sliding(size.micros(), slide.micros())),
            asked!(sliding(size.micros(), slide.micros()).allowed_lateness(0.micros()).accumulating()),
        ];
        for (asked, panes) in runs {
            let about = format!("{size} by {slide}: {asked:?}, {panes} panes");
            // Two slices to a slide, where it does not divide.
            let per_slide = if size % slide == 0 { 1 } else { 2 };
            let slices = per_slide * (size / slide + 1);
            let most = i64::from(KEYS) * (slices + 2);
            assert!(asked.most.get() <= most + 2, "at most {most}: {about}");
            let rows = dense_rows().iter().filter(|row| row.0 % slide < size).count() as u64;
            assert_eq!(asked.adds.get(), rows, "each row is added up once: {about}");
            let slices = u64::try_from(slices).expect("positive");
            assert!(asked.merges.get() <= panes * slices, "{about}");
        }
    }
}

#[test]
fn b7_state_of_windows_that_discard_is_bounded_too() {
    for (size, slide) in [(100, 10), (100, 30), (60, 1), (7, 3)] {
        let (asked, panes) = asked!(sliding(size.micros(), slide.micros()).early(rows(3)).discarding());
        let most = i64::from(KEYS) * 2 * (size / slide + 2);
        assert!(asked.most.get() <= most, "at most {most}: {size} by {slide}: {asked:?}, {panes} panes");
    }
}

#[test]
fn b7_a_row_is_added_up_once_also_where_windows_discard() {
    let (asked, _) = asked!(sliding(100.micros(), 10.micros()).allowed_lateness(0.micros()).discarding());
    assert_eq!(asked.adds.get(), dense_rows().len() as u64);
}

#[test]
fn b7_a_row_is_added_up_once_also_where_windows_discard_early() {
    let (asked, _) = asked!(sliding(100.micros(), 10.micros()).early(rows(3)).discarding());
    assert_eq!(asked.adds.get(), dense_rows().len() as u64);
}

#[test]
fn b7_cumulative_windows_share_their_slices() {
    let (asked, panes) = asked!(cumulative(120.micros(), 10.micros()));
    assert_eq!(asked.adds.get(), dense_rows().len() as u64);
    assert!(asked.most.get() <= i64::from(KEYS) * (12 + 3), "{asked:?}");
    assert!(asked.merges.get() <= panes * 12, "{asked:?}");
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

macro_rules! refused {
    ($($windows:expr),* $(,)?) => {$({
        let run = graph! {
            rows = from_iter([1_i64]);
            windows = $windows.aggregate(Count::new);
            rows -> event_time(time, bounded(0.micros())) -> key_by(|_| ()) -> windows -> discard;
            windows.late -> discard;
        };
        let ended = tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run.run());
        let is_refused = matches!(ended, Err(Error::Invalid { node: "windows", .. }));
        assert!(is_refused, "{} was taken: {ended:?}", stringify!($windows));
    })*};
}

#[test]
fn b5_every_length_of_a_window_is_refused_that_makes_no_sense() {
    refused!(
        sliding(0.micros(), 5.micros()),
        sliding(5.micros(), 0.micros()),
        sliding(-5.micros(), 5.micros()),
        sliding(5.micros(), -5.micros()),
        sliding(TimeDelta::from_micros(i64::MIN), TimeDelta::from_micros(i64::MIN)),
        cumulative(0.micros(), 1.micros()),
        cumulative(12.micros(), 0.micros()),
        cumulative(12.micros(), -4.micros()),
        cumulative(12.micros(), 5.micros()),
        cumulative(12.micros(), 24.micros()),
        session(0.micros()),
        session(-1.micros()),
        session(5.micros()).max_length(0.micros()),
        session(5.micros()).allowed_lateness(-1.micros()).retracting(),
        tumbling(5.micros()).allowed_lateness(-1.micros()).discarding(),
        tumbling(5.micros()).early(rows(0)).discarding(),
        tumbling(5.micros()).late(rows(0)).discarding(),
        tumbling(5.micros()).early(period(0.micros())).discarding(),
        tumbling(5.micros()).early(rows(1).first_of(period(-1.micros()))).discarding(),
        tumbling(5.micros()).early(rows(0).once()).discarding(),
    );
}

#[test]
fn b9_windows_that_overlap_emit_nothing_without_a_row_either() {
    assert_eq!(sliding_windows(&[], 10, 3), (vec![], 0));
    let far = [((0, 10), 1), ((5, 15), 1), ((999_995, 1_000_005), 1), ((1_000_000, 1_000_010), 1)];
    assert_eq!(sliding_windows(&[5, 1_000_002], 10, 5).0, far);
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
