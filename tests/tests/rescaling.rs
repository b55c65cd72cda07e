//! State by key that goes on in another number of shards (rules H9 and H10): for each operator that keeps some, three shards that are
//! saved in the middle and go on as five, and then as two, give what one shard gives that never stops.

use std::fmt::Debug;

use serde::Serialize;
use streamweave::operator::Collect;
use streamweave::operator::window::{period, rows as so_many};
use streamweave::prelude::*;
use streamweave::state::{Shard, stable_hash};
use streamweave::testing::Saved;

/// So many rows of some thirty keys at times that rise, a little out of order; each run of rows is at one time and all shards come
/// as far.
fn rows() -> Vec<(EventTime, (u32, i64))> {
    (0..900_u32)
        .map(|row| {
            let mixed = row.wrapping_mul(2_654_435_761) >> 16;
            let time = i64::from(row / 3) - i64::from(mixed % 4);
            (EventTime::from_secs(time.max(0)), (mixed % 31, i64::from(mixed % 1_000)))
        })
        .collect()
}

/// Whether a shard owns the key of a row.
fn is_of<K: Serialize>(shard: Shard, key: &K) -> bool {
    shard.owns(stable_hash(key))
}

fn sorted<D: Ord>(mut rows: Vec<D>) -> Vec<D> {
    rows.sort();
    rows
}

/// How far time has come behind each of some rows, all shards together: a few of the rows are behind it.
fn frontiers(rows: &[(EventTime, (u32, i64))]) -> impl Iterator<Item = EventTime> {
    rows.iter().scan(0, |newest, (time, _)| {
        *newest = (*newest).max(time.micros());
        Some(EventTime::from_micros(*newest) - 1.secs())
    })
}

/// Holds a graph with one keyed input `rows` of `(u32, i64)` and one output `out` to that: it is run in one shard that never stops, and in three,
/// five and two, each from what those before kept. All shards see how far time has come, and only their own rows; by the clock a
/// second goes by with each row.
macro_rules! rescales {
    ($name:ident, $graph:ident) => {
        rescales!($name, $graph, |harness, row, time, frontier| {
            if let Some(row) = row {
                harness.inputs.rows.send_at(row, time);
            }
            harness.inputs.rows.advance_to(frontier);
        });
    };
    ($name:ident, $graph:ident, |$harness:ident, $row:ident, $time:ident, $frontier:ident| $feed:block) => {
        #[test]
        fn $name() {
            let rows = rows();
            let frontiers: Vec<EventTime> = frontiers(&rows).collect();
            let bounds = [0, 317, 604, rows.len()];
            let run = |of: u16, saved: &[Saved], part: usize| {
                let (mut kept, mut out) = (Vec::new(), Vec::new());
                let part = if of == 1 { 0..rows.len() } else { bounds[part]..bounds[part + 1] };
                for number in 0..of {
                    let shard = Shard::new(number, of);
                    let mut $harness = $graph::harness();
                    if !saved.is_empty() {
                        $harness.restore_shard(saved, shard).expect("it can be divided");
                    }
                    $harness.advance((part.start as i64).secs());
                    for at in part.clone() {
                        let ($time, row) = rows[at];
                        let ($row, $frontier) = (is_of(shard, &row.0).then_some(row), frontiers[at]);
                        $feed
                        $harness.advance(1.secs());
                    }
                    if part.end == rows.len() {
                        $harness.inputs.rows.close();
                        $harness.settle();
                    } else {
                        kept.push($harness.save());
                    }
                    let updates = $harness.outputs.out.updates().into_iter();
                    out.extend(updates.map(|row| format!("{:?} {:?} {:?}", row.data, row.time, row.diff)));
                }
                (kept, out)
            };
            let (_, whole) = run(1, &[], 0);
            let (saved, mut out) = run(3, &[], 0);
            let (saved, more) = run(5, &saved, 1);
            out.extend(more);
            let (_, more) = run(2, &saved, 2);
            out.extend(more);
            assert!(whole.len() > 10, "{}", whole.len());
            assert_eq!(sorted(out), sorted(whole));
        }
    };
}

/// What a keyed pane says, to be compared.
fn said<B: Debug>(Keyed { key, value: pane }: &Keyed<u32, Pane<B>>) -> String {
    let Pane { window, value, timing, index, is_last } = pane;
    format!("{key} {window:?} {value:?} {timing:?} {index} {is_last}")
}

/// The same for windows with an aggregate: over what they are, and the diff of what comes out of them.
macro_rules! windows_rescale {
    ($($name:ident, $graph:ident: $diff:ty = $windows:expr;)*) => {$(
        graph! {
            graph $graph(rows: Timed<(u32, i64), EventTime>) -> (out: Update<String, EventTime, $diff>) {
                #![durable]
                panes = $windows;
                rows -> key_by(|row| row.0) -> map(|row| Keyed { key: row.key, value: row.value.1 }) -> panes
                    -> map(|row| said(&row)) -> out;
                panes.late -> discard;
            }
        }
        rescales!($name, $graph);
    )*};
}

windows_rescale! {
    h10_tumbling_windows_follow_their_keys, tumbled: () = tumbling(20.secs()).aggregate(Sum::new);
    h10_calendar_windows_follow_their_keys, by_calendar: () =
        windows(Calendar::days().at_offset((-100).secs())).aggregate(Count::new);

    h10_sliding_windows_follow_their_keys, slid: () = sliding(20.secs(), 5.secs()).aggregate(Sum::new);
    h10_sliding_windows_that_do_not_divide_follow_their_keys, slid_unevenly: () =
        sliding(17.secs(), 7.secs()).aggregate(Max::new);
    h10_cumulative_windows_follow_their_keys, cumulated: () =
        cumulative(60.secs(), 10.secs()).by_key().aggregate(Sum::new);

    h10_early_panes_that_discard_follow_their_keys, early_discarding: () =
        tumbling(40.secs()).early(so_many(2)).discarding().aggregate(Sum::new);
    h10_early_panes_of_overlapping_windows_follow_their_keys, early_retracting: i64 =
        sliding(40.secs(), 15.secs()).early(so_many(3)).allowed_lateness(9.secs()).retracting().aggregate(Sum::new);
    h10_late_panes_follow_their_keys, late_accumulating: () =
        sliding(20.secs(), 4.secs()).allowed_lateness(12.secs()).accumulating().aggregate(Sum::new);
    h10_late_triggers_follow_their_keys, late_triggers: () =
        tumbling(10.secs()).allowed_lateness(30.secs()).late(so_many(2)).discarding().aggregate(Collect::new);
    h10_overlapping_windows_that_discard_follow_their_keys, discarding: () =
        sliding(30.secs(), 12.secs()).allowed_lateness(15.secs()).discarding().by_key().aggregate(Collect::new);
    h10_alarms_of_windows_follow_their_keys, alarmed: () =
        sliding(60.secs(), 25.secs()).early(period(50.secs())).accumulating().aggregate(Count::new);
    h10_triggers_that_fire_once_follow_their_keys, alarmed_once: () =
        tumbling(100.secs()).early(period(70.secs()).first_of(so_many(4)).once()).discarding().aggregate(Count::new);
    h10_calendar_windows_with_lateness_follow_their_keys, late_by_calendar: i64 =
        windows(Calendar::days().at_offset((-106).secs())).allowed_lateness(20.secs()).retracting().aggregate(Sum::new);

    h10_sessions_follow_their_keys, sessions: () = session(8.secs()).aggregate(Sum::new);
    h10_sessions_of_a_greatest_length_follow_their_keys, short_sessions: () =
        session(15.secs()).max_length(30.secs()).aggregate(Collect::new);
    h10_sessions_that_linger_follow_their_keys, lingering_sessions: i64 =
        session(5.secs()).allowed_lateness(20.secs()).retracting().aggregate(Sum::new);
    h10_early_panes_of_sessions_follow_their_keys, early_sessions: i64 =
        session(20.secs()).early(so_many(2)).retracting().aggregate(Sum::new);
    h10_alarms_of_sessions_follow_their_keys, alarmed_sessions: i64 =
        session(30.secs()).early(period(60.secs())).retracting().aggregate(Count::new);
}

/// The same for windows of so many rows.
macro_rules! counts_rescale {
    ($($name:ident, $graph:ident = $windows:expr;)*) => {$(
        graph! {
            graph $graph(rows: Timed<(u32, i64), EventTime>) -> (out: Timed<String, EventTime>) {
                #![durable]
                panes = $windows;
                rows -> key_by(|row| row.0) -> map(|row| Keyed { key: row.key, value: row.value.1 }) -> panes
                    -> map(|pane| format!("{pane:?}")) -> out;
            }
        }
        rescales!($name, $graph);
    )*};
}

counts_rescale! {
    h10_windows_of_rows_follow_their_keys, counted = count_windows(7).aggregate(Collect::new);
    h10_windows_of_rows_that_overlap_follow_their_keys, counted_over = count_windows(6).every(4).aggregate(Collect::new);
    h10_windows_of_rows_with_gaps_follow_their_keys, counted_apart = count_windows(3).every(5).aggregate(Sum::new);
}

graph! {
    graph folded(rows: Timed<(u32, i64), EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        rows -> key_by(|row| row.0) -> fold(|| 0, |sum, row: (u32, i64)| *sum += row.1)
            -> map(|sum| format!("{} {}", sum.key, sum.value)) -> out;
    }
}
rescales!(h10_running_folds_follow_their_keys, folded);

graph! {
    graph distinguished(rows: Timed<(u32, i64), EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        keys = map(|key| format!("{key}"));
        firsts = map(|row| format!("{row:?}"));
        rows -> map(|row| row.0) -> distinct -> keys;
        rows -> distinct_by(|row| row.0) -> firsts;
        [keys, firsts] -> out;
    }
}
rescales!(h10_distinct_rows_follow_their_keys, distinguished);

/// The same for what stands behind a watermark that each shard has by its own rows: so each shard has come as far as it has, and no row is late.
macro_rules! watermarked_rescale {
    ($($name:ident, $graph:ident: $watermark:expr, $windows:expr;)*) => {$(
        graph! {
            graph $graph(rows: (u32, i64, EventTime)) -> (out: Timed<String>) {
                #![durable]
                panes = $windows;
                timed = event_time(|row| row.2, $watermark);
                even = filter(|row| row.1 % 2 == 0);
                odd = filter(|row| row.1 % 2 != 0);
                rows -> timed;
                timed -> even;
                timed -> odd;
                [even, odd] -> seen -> key_by(|row| row.0) -> map(|row| Keyed { key: row.key, value: row.value.1 })
                    -> panes -> map(|row| said(&whether_last_or_not(row))) -> out;
                panes.late -> never;
                never = for_each(|row| panic!("{row:?}"));
            }
        }
        rescales!($name, $graph, |harness, row, time, _frontier| {
            if let Some(row) = row {
                harness.inputs.rows.send((row.0, row.1, time));
            }
        });
    )*};
}

/// Whether a pane is the last is said by how far time comes at once, and each shard has steps of its own.
fn whether_last_or_not<B>(mut row: Keyed<u32, Pane<B>>) -> Keyed<u32, Pane<B>> {
    row.value.is_last = false;
    row
}

/// A row, and that it is not behind the frontier.
#[node]
fn seen(row: (u32, i64, EventTime), cx: &Cx) -> (u32, i64) {
    assert!(!cx.frontier().closes(&row.2), "{row:?}");
    (row.0, row.1)
}

watermarked_rescale! {
    h10_windows_of_shards_that_have_not_come_as_far, tumbled_apart: bounded(3.secs()), tumbling(5.secs()).aggregate(Sum::new);
    h10_sliding_windows_of_shards_that_have_not_come_as_far, slid_apart: bounded(3.secs()),
        sliding(20.secs(), 1.secs()).aggregate(Sum::new);
    h10_early_panes_of_shards_that_have_not_come_as_far, early_apart: bounded(3.secs()).every(1.secs()),
        sliding(20.secs(), 1.secs()).early(so_many(3)).accumulating().aggregate(Sum::new);
    h10_late_panes_of_shards_that_have_not_come_as_far, late_apart: bounded(3.secs()).idle_after(4.secs()),
        sliding(20.secs(), 1.secs()).early(so_many(9)).allowed_lateness(2.secs()).discarding().aggregate(Sum::new);
    h10_sessions_of_shards_that_have_not_come_as_far, sessions_apart: punctuated(|row: &(u32, i64, EventTime)| Some(row.2 - 3.secs())),
        session(8.secs()).aggregate(Sum::new);
}

/// Holds a graph with windows without keys to that: it goes on where one shard has all of a window, and is refused where two have some.
macro_rules! refused_without_keys {
    ($name:ident, $graph:ident) => {
        #[test]
        fn $name() {
            let fed = |rows: &[i64]| {
                let mut harness = $graph::harness();
                for row in rows {
                    harness.inputs.rows.send_at(*row, EventTime::from_secs(*row));
                }
                harness.inputs.rows.advance_to(EventTime::from_secs(7));
                harness.settle();
                harness
            };
            let (mut all, mut other, mut none) = (fed(&[1, 4, 8]), fed(&[2]), fed(&[]));

            let mut divided = $graph::harness();
            let refused = divided.restore_shard(&[all.save(), other.save()], Shard::new(0, 1));
            let message = refused.expect_err("both have rows").to_string();
            assert!(message.starts_with("the state of node `panes` does not fit: "), "{message}");
            assert!(message.contains("two of the shards keep state of the same key"), "{message}");
            assert!(message.contains("a stream without keys is not divided"), "{message}");

            let before = all.outputs.out.take();
            let saved = [none.save(), all.save(), none.save()];
            let mut went_on = Vec::new();
            for number in 0..2 {
                let mut harness = $graph::harness();
                harness.restore_shard(&saved, Shard::new(number, 2)).expect("one of them has all");
                harness.inputs.rows.close();
                harness.settle();
                went_on.extend(harness.outputs.out.take());
            }
            all.inputs.rows.close();
            all.settle();
            let rest = all.outputs.out.take();
            assert!(!rest.is_empty(), "{before:?}");
            assert_eq!(went_on, rest);
        }
    };
}

macro_rules! windows_refused {
    ($($name:ident, $graph:ident: $diff:ty = $windows:expr;)*) => {$(
        graph! {
            graph $graph(rows: Timed<i64>) -> (out: Update<String, EventTime, $diff>) {
                #![durable]
                panes = $windows;
                rows -> key_by(|_| ()) -> panes -> map(|pane| format!("{pane:?}")) -> out;
                panes.late -> discard;
            }
        }
        refused_without_keys!($name, $graph);
    )*};
}

windows_refused! {
    h10_a_window_of_all_rows_is_not_divided, tumbled_all: () = tumbling(10.secs()).aggregate(Sum::new);
    h10_an_overlapping_window_of_all_rows_is_not_divided, slid_all: () =
        sliding(10.secs(), 5.secs()).aggregate(Sum::new);
    h10_a_window_of_all_rows_that_fires_early_is_not_divided, early_all: i64 =
        sliding(10.secs(), 5.secs()).early(so_many(2)).retracting().aggregate(Sum::new);
    h10_a_session_of_all_rows_is_not_divided, session_of_all: () = session(5.secs()).aggregate(Sum::new);
}

graph! {
    graph counted_all(rows: Timed<i64>) -> (out: Timed<String>) {
        #![durable]
        panes = count_windows(5).aggregate(Sum::new);
        rows -> key_by(|_| ()) -> panes -> map(|pane| format!("{pane:?}")) -> out;
    }
}
refused_without_keys!(h10_a_window_of_so_many_of_all_rows_is_not_divided, counted_all);

graph! {
    graph arrived(rows: u32) -> (out: Timed<String>) {
        #![durable]
        panes = tumbling(5.secs()).aggregate(Count::new);
        rows -> arrival_time(1.secs()) -> key_by(|row| *row) -> panes -> map(|row| said(&row)) -> out;
        panes.late -> discard;
    }
}

#[test]
fn h10_shards_whose_clocks_differ_go_on_with_the_clock() {
    let saved = [3, 4, 6].map(|secs| {
        let mut harness = arrived::harness();
        harness.advance(secs.secs());
        harness.inputs.rows.send(secs as u32);
        harness.settle();
        harness.save()
    });
    let mut harness = arrived::harness();
    harness.restore_shard(&saved, Shard::new(0, 1)).expect("no key is in two of them");
    harness.advance(4.secs());
    assert!(harness.outputs.out.take().is_empty());
    harness.advance(1.secs());
    assert_eq!(harness.outputs.out.take().len(), 2);
    harness.advance(5.secs());
    assert_eq!(harness.outputs.out.take().len(), 1);
}

/// Of two shards one is far ahead; what comes for the other's keys is not late for that.
macro_rules! waits_for_the_least {
    ($($name:ident, $graph:ident = $watermark:expr;)*) => {$(
        graph! {
            graph $graph(rows: (u32, i64)) -> (out: Timed<String>) {
                #![durable]
                panes = tumbling(5.secs()).aggregate(Count::new);
                rows -> event_time(|row| EventTime::from_secs(row.1), $watermark) -> key_by(|row| row.0) -> panes
                    -> map(|row| format!("{} {}", row.key, row.value.value)) -> out;
                panes.late -> never;
                never = for_each(|row| panic!("{row:?}"));
            }
        }

        #[test]
        fn $name() {
            let saved = [(1, 100), (2, 11)].map(|row| {
                let mut harness = $graph::harness();
                harness.inputs.rows.send(row);
                harness.advance(1.secs());
                harness.save()
            });
            let mut harness = $graph::harness();
            harness.restore_shard(&saved, Shard::new(0, 1)).expect("no key is in both");
            harness.inputs.rows.send((2, 12));
            harness.settle();
            harness.inputs.rows.send((2, 16));
            harness.settle();
            assert_eq!(harness.outputs.out.take(), ["2 2"]);
            harness.inputs.rows.send((2, 17));
            harness.inputs.rows.close();
            harness.settle();
            assert_eq!(harness.outputs.out.take(), ["2 2", "1 1"]);
        }
    )*};
}

waits_for_the_least! {
    h10_the_least_watermark_counts, bounded_apart = ascending();
    h10_the_least_punctuated_watermark_counts, punctuated_apart =
        punctuated(|row: &(u32, i64)| Some(EventTime::from_secs(row.1)));
    h10_the_least_watermark_that_can_be_idle_counts, idle_apart = ascending().idle_after(10.secs());
}

/// What is one for all rows, and goes on in one shard only.
macro_rules! refused {
    ($($name:ident, $graph:ident = $operator:expr;)*) => {$(
        graph! {
            graph $graph(rows: i64) -> (out: String) {
                #![durable]
                rows -> $operator -> map(|row| format!("{row:?}")) -> out;
            }
        }

        #[test]
        fn $name() {
            let mut fed = [1, 2].map(|rows| {
                let mut harness = $graph::harness();
                harness.advance(rows.secs());
                (0..rows).for_each(|row| harness.inputs.rows.send(row));
                harness.settle();
                harness
            });
            let saved = fed.each_mut().map(|harness| harness.save());
            let refused = $graph::harness().restore_shard(&saved, Shard::new(0, 1));
            let message = refused.expect_err("they differ").to_string();
            assert!(message.contains("it belongs to no key, differs between the shards"), "{message}");
        }
    )*};
}

refused! {
    h10_numbers_of_all_rows_are_not_divided, enumerated = enumerate();
    h10_a_fold_of_all_rows_is_not_divided, totalled = running_sum();
    h10_a_pace_of_all_rows_is_not_divided, throttled = throttle(1.hours());
}
