//! Windows where little is left: at the ends of time, in great numbers, of keys that go and come back.

use std::rc::Rc;

use Step::{Frontier, Row};
use streamweave::operator::window::{period, rows};
use streamweave::prelude::*;
use streamweave_tests::finish;
use streamweave_tests::script::{Came, Step, Watched, drive, play, watch};

/// What came: window, count, time, diff; then how many rows were absorbed, late and unassigned.
type Ran = (Vec<((i64, i64), u64, i64, i64)>, [u64; 3]);

/// The windows of rows of one key; no row may be behind what was told before.
macro_rules! ran {
    ($steps:expr, $windows:expr) => {{
        let steps = $steps.to_vec();
        let runs = [1, 1024].map(|batch| -> Ran {
            let watched = Watched::default();
            let result = drive(&steps, |from, clock| {
                graph! {
                    steps = from_channel(from);
                    windows = $windows.aggregate(Count::new);
                    steps -> play -> key_by(|_: &()| ()) -> windows -> map(|keyed| {
                        let Window { start, end } = keyed.value.window;
                        ((start.micros(), end.micros()), keyed.value.value)
                    }) -> watch(&watched);
                    windows.late -> late;
                    late = collect();
                }
                .batch(batch)
                .clock(clock)
                .run()
            })
            .expect("nothing fails");
            result.assert_conserved();
            let node = result.report().node("windows").expect("it is there");
            let (mut frontier, mut panes) = (i64::MIN, Vec::new());
            for came in watched.take() {
                match came {
                    Came::Row((window, count), time, diff) => {
                        assert!(time >= frontier, "{window:?} at {time} is behind {frontier}");
                        panes.push((window, count, time, diff));
                    }
                    Came::Frontier(time, _) => {
                        assert!(time >= frontier);
                        frontier = time;
                    }
                    Came::End => {}
                }
            }
            (panes, [node.absorbed, node.late, node.unassigned])
        });
        assert_eq!(runs[0], runs[1]);
        let [ran, _] = runs;
        ran
    }};
}

const EXTREMES: [i64; 8] =
    [i64::MIN, i64::MIN + 1, i64::MIN + 7, -1, 0, i64::MAX - 7, i64::MAX - 1, i64::MAX];

#[test]
fn at_the_ends_of_time_no_row_is_lost() {
    macro_rules! try_all {
        ($rows:expr => $($windows:expr),* $(,)?) => {$({
            let (panes, [absorbed, late, unassigned]) = ran!($rows, $windows);
            let about = format!("{}: {panes:?} of {:?}", stringify!($windows), $rows);
            assert_eq!((absorbed, late, unassigned), (EXTREMES.len() as u64, 0, 0), "{about}");
            let counted: i64 = panes.iter().map(|pane| pane.1.cast_signed() * pane.3).sum();
            let is_apart = !about.starts_with("sliding") && !about.starts_with("cumulative");
            assert!(counted == EXTREMES.len() as i64 || !is_apart, "{about}");
        })*};
    }
    let up: Vec<_> = EXTREMES.iter().map(|time| Row((), *time)).collect();
    let down: Vec<_> = up.iter().rev().copied().collect();
    for steps in [up, down] {
        for lateness in [0, 5, i64::MAX].map(TimeDelta::from_micros) {
            try_all!(steps =>
                tumbling(10.micros()).allowed_lateness(lateness).retracting(),
                sliding(10.micros(), 3.micros()),
                sliding(10.micros(), 3.micros()).offset(TimeDelta::from_micros(i64::MIN)).allowed_lateness(lateness).accumulating(),
                sliding(TimeDelta::from_micros(i64::MAX), TimeDelta::from_micros(i64::MAX / 2)).allowed_lateness(lateness).accumulating(),
                cumulative(12.micros(), 4.micros()),
                cumulative(12.micros(), 4.micros()).offset(TimeDelta::from_micros(i64::MAX)).allowed_lateness(lateness).accumulating(),
                cumulative(TimeDelta::from_micros(i64::MAX), TimeDelta::from_micros(i64::MAX)).allowed_lateness(lateness).retracting(),
                global().allowed_lateness(lateness).retracting(),
                global().early(period(TimeDelta::from_micros(i64::MAX))).discarding(),
                session(5.micros()).allowed_lateness(lateness).retracting(),
                session(TimeDelta::from_micros(i64::MAX)).allowed_lateness(lateness).retracting(),
                session(5.micros()).max_length(7.micros()).allowed_lateness(lateness).retracting(),
            );
        }
    }
}

#[test]
fn windows_that_are_cut_off_at_the_end_of_time_all_fire() {
    let (panes, books) = ran!([Row((), i64::MAX)], sliding(10.micros(), 5.micros()));
    assert_eq!(books, [1, 0, 0]);
    let end = i64::MAX;
    // By end and start; -3 is a multiple of five.
    assert_eq!(panes.iter().map(|pane| pane.0).collect::<Vec<_>>(), [(end - 7, end), (end - 2, end)]);
    let steps = [Row((), i64::MAX - 1), Row((), i64::MAX)];
    let counts =
        |panes: Vec<((i64, i64), u64, i64, i64)>| panes.iter().map(|pane| pane.1).collect::<Vec<_>>();
    assert_eq!(counts(ran!(steps, tumbling(1.micros())).0), [1, 1]);
    assert_eq!(
        counts(ran!(steps, tumbling(1.micros()).allowed_lateness(0.micros()).accumulating()).0),
        [1, 1]
    );
}

#[test]
fn a_window_that_is_cut_off_at_the_end_of_time_is_open_until_the_stream_ends() {
    // All are in windows whose end is cut off; a frontier says nothing of the greatest time itself.
    let steps = [Row((), i64::MAX), Frontier(i64::MAX - 1), Row((), i64::MAX), Row((), i64::MAX - 1)];
    let window = (i64::MAX - 7, i64::MAX);
    assert_eq!(ran!(steps, tumbling(10.micros())), (vec![(window, 3, i64::MAX, 1)], [3, 0, 0]));
    let (panes, books) = ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).accumulating());
    assert_eq!((panes.len(), books), (1, [3, 0, 0]));
}

#[test]
fn d8_a_window_that_is_cut_off_at_the_end_of_time_is_not_behind_the_frontier() {
    let steps = [Row((), i64::MAX), Frontier(i64::MAX)];
    assert_eq!(ran!(steps, tumbling(10.micros())).1, [1, 0, 0]);
}

#[test]
fn an_allowed_lateness_without_end_keeps_every_window_open() {
    let lateness = TimeDelta::from_micros(i64::MAX);
    let steps = [Row((), 5), Frontier(1_000_000), Row((), 6), Frontier(i64::MAX), Row((), 7)];
    let (panes, books) = ran!(steps, tumbling(10.micros()).allowed_lateness(lateness).discarding());
    assert_eq!(books, [3, 0, 0]);
    assert_eq!(panes, [1, 1, 1].map(|count| ((0, 10), count, 9, 1)));
}

#[test]
fn the_least_frontier_and_the_least_time() {
    let steps = [Frontier(i64::MIN), Row((), i64::MIN), Frontier(i64::MIN + 1), Row((), i64::MIN)];
    let (panes, books) = ran!(steps, tumbling(1.micros()));
    assert_eq!((panes, books), (vec![((i64::MIN, i64::MIN + 1), 1, i64::MIN, 1)], [1, 1, 0]));
    let (panes, books) =
        ran!(steps, sliding(2.micros(), 1.micros()).allowed_lateness(1.micros()).discarding());
    assert_eq!(books, [2, 0, 0], "{panes:?}");
}

#[test]
fn a_stream_without_rows_has_no_pane_whatever_its_frontiers() {
    let steps: [Step<()>; 5] = [Frontier(-100), Frontier(0), Step::Idle, Frontier(1 << 60), Step::Active];
    macro_rules! none {
        ($($windows:expr),* $(,)?) => {$(
            assert_eq!(ran!(steps, $windows), (vec![], [0; 3]));
            assert_eq!(ran!([] as [Step<()>; 0], $windows), (vec![], [0; 3]));
        )*};
    }
    none!(
        tumbling(10.micros()),
        sliding(10.micros(), 1.micros()),
        cumulative(12.micros(), 4.micros()).allowed_lateness(4.micros()).retracting(),
        global().early(period(1.micros())).discarding(),
        session(5.micros()),
    );
}

#[test]
fn a_frontier_that_jumps_passes_over_what_is_empty_at_once() {
    let steps = [Row((), 0), Frontier(1 << 60), Row((), 1 << 61), Frontier((1 << 61) + 10), Row((), 5)];
    let (panes, books) = ran!(steps, sliding(2.micros(), 1.micros()));
    assert_eq!((panes.len(), books), (4, [2, 1, 0]));
    let (panes, books) =
        ran!(steps, sliding(2.micros(), 1.micros()).allowed_lateness(3.micros()).accumulating());
    assert_eq!((panes.len(), books), (4, [2, 1, 0]));
    let (panes, books) = ran!(steps, session(2.micros()));
    assert_eq!((panes.len(), books), (2, [2, 1, 0]));
}

#[test]
fn an_idle_stream_keeps_its_windows_and_its_late_rows() {
    let steps =
        [Row((), 5), Frontier(9), Step::Idle, Row((), 8), Frontier(10), Step::Idle, Row((), 9), Row((), 12)];
    let (panes, books) = ran!(steps, tumbling(10.micros()));
    assert_eq!(panes, [((0, 10), 2, 9, 1), ((10, 20), 1, 19, 1)]);
    assert_eq!(books, [3, 1, 0]);
}

#[test]
fn a_key_is_forgotten_with_its_last_window_and_begins_anew_when_it_comes_back() {
    macro_rules! forgotten {
        ($($windows:expr),* $(,)?) => {$({
            let keys: Vec<Rc<u32>> = (0..50).map(Rc::new).collect();
            let mut steps = Vec::new();
            for key in 0..49_u8 {
                let time = 100 * i64::from(key);
                steps.extend([Row(key, time), Row(key, time + 1), Row(key, time + 7), Frontier(time + 100)]);
                // Of the one before, when it has passed: late, and no reason to remember its key.
                steps.push(Row(key, time - 100));
            }
            steps.extend([Frontier(100_000), Row(49, 100_000)]);
            let mut held = Vec::new();
            drive(&steps, |from, clock| {
                graph! {
                    steps = from_channel(from);
                    windows = $windows.aggregate(Count::new);
                    steps -> play -> inspect(|_| held.push(keys.iter().map(|key| Rc::strong_count(key) - 1).sum::<usize>()))
                        -> key_by(|key: &u8| Rc::clone(&keys[usize::from(*key)])) -> windows -> discard;
                    windows.late -> discard;
                }
                .batch(1)
                .clock(clock)
                .run()
            })
            .expect("nothing fails");
            let most = held.iter().max().expect("rows came");
            assert_eq!(held.last(), Some(&0), "{}: {held:?}", stringify!($windows));
            assert!(*most <= 12, "{}: {held:?}", stringify!($windows));
        })*};
    }
    forgotten!(
        tumbling(10.micros()),
        tumbling(10.micros()).allowed_lateness(20.micros()).accumulating(),
        tumbling(10.micros()).allowed_lateness(20.micros()).early(rows(2)).late(rows(2)).discarding(),
        sliding(10.micros(), 4.micros()),
        sliding(10.micros(), 4.micros()).allowed_lateness(20.micros()).retracting(),
        sliding(10.micros(), 4.micros()).early(period(10.secs())).accumulating(),
        sliding(10.micros(), 4.micros()).early(rows(2)).discarding(),
        cumulative(12.micros(), 4.micros()),
        session(5.micros()),
        session(5.micros()).allowed_lateness(20.micros()).early(rows(2)).retracting(),
    );
}

#[test]
fn a_key_that_comes_back_begins_anew() {
    let steps = [Row((), 5), Frontier(10), Row((), 25), Frontier(30), Row((), 5), Row((), 35), Row((), 36)];
    let (panes, books) = ran!(steps, tumbling(10.micros()).early(rows(2)).accumulating());
    let expected = [((0, 10), 1, 9, 1), ((20, 30), 1, 29, 1), ((30, 40), 2, 39, 1), ((30, 40), 2, 39, 1)];
    assert_eq!((panes, books), (expected.to_vec(), [4, 1, 0]));
}

macro_rules! many {
    ($rows:expr, $panes:expr, $($windows:expr),* $(,)?) => {$({
        let mut panes = 0;
        let result = finish(
            graph! {
                rows = from_iter($rows);
                windows = $windows.aggregate(Count::new);
                rows -> event_time(|row| EventTime::from_micros(*row), bounded(1.hours())) -> key_by(|row| row % 7) -> windows
                    -> for_each(|_| panes += 1);
                windows.late -> discard;
            }
            .run(),
        );
        result.assert_conserved();
        assert!(panes >= $panes, "{}: {panes}", stringify!($windows));
    })*};
}

#[test]
fn a_great_many_tiny_windows_open_at_once() {
    many!(
        0..4_000,
        4_000,
        tumbling(1.micros()),
        tumbling(1.micros()).allowed_lateness(1.micros()).discarding(),
        sliding(2.micros(), 1.micros()),
        session(1.micros()),
    );
}

#[test]
fn a_great_many_tiny_windows_open_at_once_in_any_order() {
    // Now from this end, now from that.
    many!(
        (0..4_000).map(|row| if row % 2 == 0 { row } else { 4_000 - row }),
        4_000,
        tumbling(1.micros()),
        tumbling(1.micros()).allowed_lateness(1.micros()).discarding(),
        sliding(2.micros(), 1.micros()),
        session(1.micros()),
    );
}

#[test]
fn the_cost_of_a_row_does_not_grow_with_the_number_of_open_windows() {
    let time = |rows: i64| {
        let begun = std::time::Instant::now();
        many!(0..rows, rows, tumbling(1.micros()));
        begun.elapsed()
    };
    let (few, many) = (time(4_000), time(32_000));
    assert!(many < few * 8 * 3, "{few:?} for 4 000 rows, {many:?} for 32 000");
}
