//! What joins, the operators of event time and asynchronous ones keep by key goes on in another number of shards (rules H9 and H10): three shards that are
//! saved in the middle and go on as five, and then as two, give what one shard gives that never stops.

use std::cell::Cell;
use std::fmt::Debug;

use serde::Serialize;
use streamweave::envelope::{Message, Nullable};
use streamweave::operator::window::{Sliding, Tumbling};
use streamweave::prelude::*;
use streamweave::state::{Mismatch, Shard, stable_hash};
use streamweave::testing::{Feed, Saved};
use streamweave::time::Frontier;

/// A row of an input that has two.
type Row = (u32, i64);

/// What comes in at once.
#[derive(Clone, Copy, Debug)]
struct Step {
    is_left: bool,
    time: i64,
    row: Row,
}

const STEPS: usize = 1_500;

/// Where the shards are saved.
const CUTS: [usize; 4] = [0, 517, 1_004, STEPS];

/// While the right input is idle, where it is; it is when the shards are saved first.
const IDLE: std::ops::Range<usize> = 400..700;

/// Where the right input ends, where it does.
const END: usize = 500;

/// And where it does in one shard: with places low enough for others to be there later.
const END_IN_ONE: usize = 150;

/// By how much rows are out of order at most, in seconds; some few are late.
const ORDER: i64 = 5;

/// Rows of some forty keys at times that rise.
fn steps(course: Course) -> Vec<Step> {
    let steps = (0..STEPS as u32).map(|step| {
        let mixed = step.wrapping_mul(2_654_435_761) >> 12;
        let behind = if mixed % 97 == 0 && course != Course::Apart { 30 } else { i64::from(mixed % 5) };
        let time = (i64::from(step / 4) - behind).max(0);
        Step { is_left: mixed % 7 < 4, time, row: (mixed / 7 % 41, i64::from(step)) }
    });
    steps.collect()
}

/// How the inputs go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// All shards see how far time has come.
    Together,
    /// Some have come further than others; no row is late.
    Apart,
    /// For a while there is nothing on the right, and nothing is expected.
    RightIsIdle,
    /// The right ends.
    RightEnds,
    /// The right of the first of three shards ends: nothing more comes for its keys.
    RightEndsInOne,
}

/// Whether a shard owns a key.
fn is_of<K: Serialize>(shard: Shard, key: &K) -> bool {
    shard.owns(stable_hash(key))
}

fn sorted<D: Ord>(mut rows: Vec<D>) -> Vec<D> {
    rows.sort();
    rows
}

fn plain(row: &Row) -> u32 {
    row.0
}

/// Each seventh key is null.
fn nullable(row: &Row) -> Nullable<u32> {
    Nullable::from((!row.0.is_multiple_of(7)).then_some(row.0))
}

/// Keys that come for half a minute and then never again.
fn passing(row: &Row) -> u32 {
    row.1 as u32 / 120 * 16 + row.0 % 16
}

/// How a row comes: for good, or as a change.
trait Comes: Sized {
    fn send(feed: &Feed<Row, EventTime, Self>, row: Row, time: EventTime);
}

impl Comes for () {
    fn send(feed: &Feed<Row, EventTime>, row: Row, time: EventTime) {
        feed.send_at(row, time);
    }
}

/// Each third row goes again, later.
impl Comes for i64 {
    fn send(feed: &Feed<Row, EventTime, i64>, row: Row, time: EventTime) {
        feed.update(Update { data: row, time, diff: 1 });
        if row.1 % 3 == 0 {
            feed.update(Update { data: row, time: time + 8.secs(), diff: -1 });
        }
    }
}

/// Holds a graph with the inputs `left` and `right`, of rows that are keyed by a function, to that, by each of some courses.
macro_rules! rescales {
    ($graph:ident by $key:path: $($tests:tt)+) => {
        rescales!($graph by $key, knowing its keys, true: $($tests)+);
    };
    ($graph:ident by $key:path, knowing its keys, $knows_its_keys:literal: $($name:ident by $course:ident),+ $(,)?) => {$(
        #[test]
        fn $name() {
            let course = Course::$course;
            let steps = steps(course);
            let has_ended = |at: usize, step: &Step| {
                !step.is_left && match course {
                    Course::Together | Course::Apart => false,
                    Course::RightIsIdle => IDLE.contains(&at),
                    Course::RightEnds => at >= END,
                    Course::RightEndsInOne => at >= END_IN_ONE && is_of(Shard::new(0, 3), &$key(&step.row)),
                }
            };
            let run = |of: u16, saved: &[Saved], part: usize| {
                let (mut kept, mut out) = (Vec::new(), Vec::new());
                let part = if of == 1 { 0..STEPS } else { CUTS[part]..CUTS[part + 1] };
                for number in 0..of {
                    let shard = Shard::new(number, of);
                    let mut harness = $graph::harness();
                    if !saved.is_empty() {
                        harness.restore_shard(saved, shard).expect("it can be divided");
                    }
                    let end = if course == Course::RightEnds { END } else { END_IN_ONE };
                    let ends = course == Course::RightEnds
                        || course == Course::RightEndsInOne && of == 3 && number == 0;
                    let lag = if course == Course::Apart { i64::from(number % 3) } else { 0 };
                    // Each side has come so far.
                    let mut newest = [0, 0];
                    for (at, step) in steps[..part.end].iter().enumerate() {
                        let side = usize::from(!step.is_left);
                        let is_there = !has_ended(at, step);
                        if is_there {
                            newest[side] = step.time.max(newest[side]);
                        }
                        if at < part.start {
                            continue;
                        }
                        if ends && at >= end {
                            harness.inputs.right.close();
                        }
                        let time = EventTime::from_secs(newest[side] - ORDER - lag);
                        let row_time = EventTime::from_secs(step.time);
                        let is_own = is_of(shard, &$key(&step.row)) && is_there;
                        if step.is_left {
                            if is_own {
                                Comes::send(&harness.inputs.left, step.row, row_time);
                            }
                            harness.inputs.left.advance_to(time);
                        } else if course == Course::RightIsIdle && IDLE.contains(&at) {
                            harness.inputs.right.idle_at(time);
                        } else if !(ends && at >= end) {
                            if is_own {
                                Comes::send(&harness.inputs.right, step.row, row_time);
                            }
                            harness.inputs.right.advance_to(time);
                        }
                        IS_SILENT.set(part.end < STEPS && at + SILENT >= part.end);
                        // Which of the inputs is first is not left open.
                        harness.settle();
                    }
                    if part.end == STEPS {
                        harness.inputs.left.close();
                        harness.inputs.right.close();
                        harness.settle();
                    } else {
                        kept.push(harness.save());
                    }
                    let mut reached = Frontier::start();
                    for message in harness.outputs.out.messages() {
                        let update = match message {
                            Message::Row(update) => update,
                            Message::Frontier(frontier) => {
                                reached = frontier;
                                continue;
                            }
                        };
                        // Where no row comes late none goes late.
                        assert!(course != Course::Apart || !reached.closes(&update.time), "{update:?}");
                        out.push(format!("{} {} {:?}", update.time, update.data, update.diff));
                    }
                }
                (kept, out)
            };
            let (_, whole) = run(1, &[], 0);
            let (saved, mut out) = run(3, &[], 0);
            if course == Course::Together {
                let twice = [saved[1].clone(), saved[1].clone()];
                let restored = $graph::harness().restore_shard(&twice, Shard::new(0, 1));
                assert_eq!(restored.is_err(), $knows_its_keys);
            }
            let (saved, more) = run(5, &saved, 1);
            out.extend(more);
            let (_, more) = run(2, &saved, 2);
            out.extend(more);
            assert!(whole.len() > 50, "{}", whole.len());
            assert_eq!(sorted(out), sorted(whole));
        }
    )+};
}

/// A graph of one join, and what it is held to.
macro_rules! joins {
    ($graph:ident = $join:ident($($args:tt)*) $(.$shape:ident($($shape_args:tt)*))* by $key:path: $($tests:tt)+) => {
        graph! {
            graph $graph(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: Timed<String, EventTime>) {
                #![durable]
                both = $join($($args)*) $(.$shape($($shape_args)*))*;
                left -> key_by($key) -> both.left;
                right -> key_by($key) -> both.right;
                both -> map(|row| told(&row)) -> out;
            }
        }
        rescales!($graph by $key: $($tests)+);
    };
}

fn told<D: Debug>(row: &D) -> String {
    format!("{row:?}")
}

joins!(joined = join() by plain:
    h10_the_rows_of_a_join_follow_their_keys by Together,
    h10_the_rows_of_a_join_follow_their_keys_where_shards_are_apart by Apart,
    h10_the_rows_of_a_join_follow_their_keys_where_one_side_is_idle by RightIsIdle,
    h10_the_rows_of_a_join_follow_their_keys_where_one_side_ended by RightEnds,
    h10_the_rows_of_a_join_follow_their_keys_where_one_side_of_one_shard_ended by RightEndsInOne,
);
joins!(joined_nullable = join() by nullable: h10_null_keys_of_a_join_are_not_kept by Together);

joins!(window_joined = window_join(Tumbling::new(20.secs())) by plain:
    h10_the_windows_of_a_join_follow_their_keys by Together,
    h10_the_windows_of_a_join_follow_their_keys_where_shards_are_apart by Apart,
    h10_the_windows_of_a_join_follow_their_keys_where_one_side_ended by RightEnds,
);
joins!(window_full = window_join(Sliding::new(30.secs(), 10.secs())).full_outer() by nullable:
    h10_overlapping_windows_of_a_full_outer_join_follow_their_keys by Together,
    h10_overlapping_windows_of_a_full_outer_join_follow_their_keys_where_shards_are_apart by Apart,
    h10_overlapping_windows_of_a_full_outer_join_follow_their_keys_where_one_side_is_idle by RightIsIdle,
    h10_overlapping_windows_of_a_full_outer_join_follow_their_keys_where_one_shard_ended by RightEndsInOne,
);
joins!(window_left = window_join(Tumbling::new(20.secs())).left_outer() by nullable:
    h10_the_windows_of_a_left_outer_join_follow_their_keys by Together,
);
joins!(window_semi = window_join(Tumbling::new(20.secs())).semi() by plain:
    h10_the_windows_of_a_semi_join_follow_their_keys by Together,
);
joins!(window_anti = window_join(Tumbling::new(20.secs())).anti() by nullable:
    h10_the_windows_of_an_anti_join_follow_their_keys by Together,
    h10_the_windows_of_an_anti_join_follow_their_keys_where_one_side_is_idle by RightIsIdle,
);
joins!(grouped = co_group(Tumbling::new(20.secs()), |key, window, lefts, rights| {
        [format!("{key:?} {window:?} {lefts:?} {rights:?}")]
    }) by nullable:
    h10_what_is_grouped_follows_its_keys_in_the_order_of_arrival by Together,
    h10_what_is_grouped_follows_its_keys_where_shards_are_apart by Apart,
);

joins!(held = as_of() by plain:
    h10_versions_and_probes_follow_their_keys by Together,
    h10_versions_and_probes_follow_their_keys_where_shards_are_apart by Apart,
    h10_versions_and_probes_follow_their_keys_where_one_side_is_idle by RightIsIdle,
    h10_versions_and_probes_follow_their_keys_where_one_side_ended by RightEnds,
    h10_versions_and_probes_follow_their_keys_where_one_side_of_one_shard_ended by RightEndsInOne,
);
joins!(held_left = as_of().left_outer().deleted_when(|row: &Row| row.1 % 4 == 0).retain(25.secs()) by nullable:
    h10_probes_of_null_keys_and_deleted_versions_follow_their_keys by Together,
    h10_probes_of_null_keys_and_deleted_versions_follow_their_keys_where_shards_are_apart by Apart,
);
joins!(held_all = as_of().left_outer().table_first() by nullable:
    h10_versions_of_a_table_that_ended_follow_their_keys by RightEnds,
);

joins!(enriched = enrich() by plain:
    h10_a_table_follows_its_keys by Together,
    h10_a_table_follows_its_keys_where_one_side_ended by RightEnds,
);
joins!(enriched_left = enrich().left_outer().table_first() by nullable:
    h10_a_table_that_ended_follows_its_keys by RightEnds,
);

/// A graph of one join with a table that is complete when the rows that wait for it end: what it is made of comes with them.
macro_rules! waiting {
    ($graph:ident = $join:ident by $key:path: $($tests:tt)+) => {
        graph! {
            graph $graph(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: Timed<String, EventTime>) {
                #![durable]
                both = $join().left_outer().table_first();
                left -> key_by($key) -> both.left;
                left -> filter(|row| row.1 % 5 == 0) -> key_by($key) -> both.right;
                both -> map(|row| told(&row)) -> out;
                right -> discard;
            }
        }
        rescales!($graph by $key: $($tests)+);
    };
}

waiting!(held_waiting = as_of by nullable:
    h10_probes_that_wait_for_the_table_follow_their_keys by Together,
    h10_probes_that_wait_for_the_table_follow_their_keys_where_shards_are_apart by Apart,
);
waiting!(enriched_waiting = enrich by nullable:
    h10_what_waits_for_a_table_follows_its_keys by Together,
    h10_what_waits_for_a_table_follows_its_keys_where_shards_are_apart by Apart,
);

joins!(near = interval_join(-7.secs(), 9.secs()) by plain:
    h10_rows_of_an_interval_join_follow_their_keys by Together,
    h10_rows_of_an_interval_join_follow_their_keys_where_shards_are_apart by Apart,
    h10_rows_of_an_interval_join_follow_their_keys_where_one_side_ended by RightEnds,
);
joins!(near_full = interval_join(-7.secs(), 9.secs()).full_outer().time_of_earlier() by nullable:
    h10_rows_of_a_full_outer_interval_join_follow_their_keys by Together,
    h10_rows_of_a_full_outer_interval_join_follow_their_keys_where_shards_are_apart by Apart,
    h10_rows_of_a_full_outer_interval_join_follow_their_keys_where_one_side_is_idle by RightIsIdle,
    h10_rows_of_a_full_outer_interval_join_follow_their_keys_where_one_shard_ended by RightEndsInOne,
);
joins!(near_left = interval_join(-7.secs(), 9.secs()).left_outer().time_of_left() by nullable:
    h10_rows_of_a_left_outer_interval_join_follow_their_keys by Together,
);
joins!(near_semi = interval_join(-2.secs(), 3.secs()).semi() by nullable:
    h10_rows_of_a_semi_interval_join_follow_their_keys by Together,
    h10_rows_of_a_semi_interval_join_follow_their_keys_where_one_side_is_idle by RightIsIdle,
);
joins!(near_anti = interval_join(-2.secs(), 3.secs()).anti() by nullable:
    h10_rows_of_an_anti_interval_join_follow_their_keys by Together,
    h10_rows_of_an_anti_interval_join_follow_their_keys_where_one_side_ended by RightEnds,
);

/// A graph of one operator with an output for late rows, and what it is held to.
macro_rules! with_late {
    ($graph:ident -> ($($out:tt)+) = $operator:ident() $(.$option:ident($($args:tt)*))* by $key:path: $($tests:tt)+) => {
        graph! {
            graph $graph(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: $($out)+) {
                #![durable]
                node = $operator() $(.$option($($args)*))*;
                left -> key_by($key) -> node -> map(|row| told(&row)) -> out;
                node.late -> discard;
                right -> discard;
            }
        }
        rescales!($graph by $key: $($tests)+);
    };
}

with_late!(first -> (Update<String, EventTime, i64>) = first_per_key() by passing:
    h10_the_first_row_follows_its_key by Together,
    h10_the_first_row_follows_its_key_where_shards_are_apart by Apart,
);
with_late!(first_lately -> (Update<String, EventTime, i64>) = first_per_key().ttl(6.secs()) by plain:
    h10_the_first_row_of_late_follows_its_key by Together,
);
with_late!(first_final -> (Timed<String, EventTime>) = first_per_key().when_final() by passing:
    h10_the_first_row_that_waits_follows_its_key by Together,
    h10_the_first_row_that_waits_follows_its_key_where_shards_are_apart by Apart,
);
with_late!(first_finally -> (Timed<String, EventTime>) = first_per_key().ttl(6.secs()).when_final() by plain:
    h10_the_first_row_of_late_that_waits_follows_its_key by Together,
);
with_late!(last -> (Update<String, EventTime, i64>) = last_per_key() by plain:
    h10_the_last_row_follows_its_key by Together,
    h10_the_last_row_follows_its_key_where_shards_are_apart by Apart,
);
with_late!(last_lately -> (Update<String, EventTime, i64>) = last_per_key().ttl(6.secs()) by plain:
    h10_the_last_row_of_late_follows_its_key by Together,
);

graph! {
    graph in_order(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        node = sort();
        left -> key_by(nullable) -> node -> map(|row| told(&row)) -> out;
        node.late -> discard;
        right -> discard;
    }
}
rescales!(in_order by nullable, knowing its keys, false:
    h10_keyed_rows_that_are_sorted_follow_their_keys by Together,
    h10_keyed_rows_that_are_sorted_follow_their_keys_where_shards_are_apart by Apart,
);

#[test]
fn h10_rows_of_a_key_that_come_afterwards_are_told_from_those_before() {
    let mut before = first_final::harness();
    before.inputs.left.send_at((1, 1), EventTime::from_secs(10));
    before.settle();
    let mut after = first_final::harness();
    after.restore_shard(&[before.save()], Shard::new(0, 1)).expect("it can be divided");
    after.inputs.left.send_at((1, 2), EventTime::from_secs(8));
    after.inputs.left.close();
    after.settle();
    assert_eq!(after.outputs.out.take().len(), 1);
}

#[test]
fn h10_windows_fire_at_their_ends_where_no_row_comes_any_more() {
    let saved = (0..3).map(|number| {
        let mut harness = window_joined::harness();
        for key in (0..50).filter(|key| is_of(Shard::new(number, 3), key)) {
            harness.inputs.left.send_at((key, 1), EventTime::from_secs(5));
            harness.inputs.right.send_at((key, 2), EventTime::from_secs(7));
        }
        harness.settle();
        harness.save()
    });
    let saved: Vec<_> = saved.collect();
    let fired = (0..2).map(|number| {
        let mut harness = window_joined::harness();
        harness.restore_shard(&saved, Shard::new(number, 2)).expect("it can be divided");
        harness.inputs.left.advance_to(EventTime::from_secs(20));
        harness.inputs.right.advance_to(EventTime::from_secs(20));
        harness.settle();
        harness.outputs.out.take().len()
    });
    assert_eq!(fired.sum::<usize>(), 50);
}

#[test]
fn h10_versions_are_forgotten_in_another_number_of_shards() {
    let size = |saved: &[Saved]| format!("{saved:?}").len();
    let saved = (0..3).map(|number| {
        let mut harness = held_left::harness();
        for key in (0..300).filter(|key| is_of(Shard::new(number, 3), &nullable(&(*key, 0)))) {
            harness.inputs.right.send_at((key, 1), EventTime::from_secs(i64::from(key)));
            harness.inputs.right.send_at((key, 4), EventTime::from_secs(500 + i64::from(key)));
        }
        harness.settle();
        harness.save()
    });
    let saved: Vec<_> = saved.collect();
    let forgotten = (0..2).map(|number| {
        let mut harness = held_left::harness();
        harness.restore_shard(&saved, Shard::new(number, 2)).expect("it can be divided");
        harness.inputs.left.advance_to(EventTime::from_secs(1_000));
        harness.inputs.right.advance_to(EventTime::from_secs(1_000));
        harness.settle();
        harness.save()
    });
    let forgotten: Vec<_> = forgotten.collect();
    assert!(size(&forgotten) * 4 < size(&saved), "{} of {}", size(&forgotten), size(&saved));
}

/// How many steps before a cut nothing is answered any more.
const SILENT: usize = 80;

thread_local! {
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

/// What a service says of a key, unless it is silent.
async fn ask(key: u32) -> Result<Option<u32>, String> {
    if IS_SILENT.get() {
        std::future::pending::<()>().await;
    }
    Ok((key % 3 > 0).then_some(key * 10))
}

// What comes out behind the frontier is lost here.
graph! {
    graph looked_up(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        answers = lookup(ask).cache(10).in_flight(1_000);
        node = sort();
        left -> key_by(plain) -> answers -> node -> map(|row| told(&row)) -> out;
        answers.err -> discard;
        node.late -> discard;
        right -> discard;
    }
}
rescales!(looked_up by plain, knowing its keys, false:
    h10_rows_that_wait_for_an_answer_follow_their_keys by Together,
    h10_rows_that_wait_for_an_answer_follow_their_keys_where_shards_are_apart by Apart,
);

graph! {
    graph called(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        calls = async_map(async |row: Keyed<u32, Row>| (row, ask(row.key).await)).unordered().in_flight(1_000);
        left -> key_by(plain) -> calls -> map(|row| told(&row)) -> out;
        right -> discard;
    }
}
rescales!(called by plain, knowing its keys, false:
    h10_calls_under_way_follow_their_keys by Together,
    h10_calls_under_way_follow_their_keys_where_shards_are_apart by Apart,
);

/// What three shards of a graph keep that have each taken all of some rows and were then closed, while nothing is answered.
macro_rules! closed {
    ($graph:ident) => {{
        IS_SILENT.set(true);
        let saved = (0..3).map(|number| {
            let mut harness = $graph::harness();
            for step in steps(Course::Apart).iter().take(200) {
                if is_of(Shard::new(number, 3), &step.row.0) {
                    harness.inputs.left.send_at(step.row, EventTime::from_secs(step.time));
                }
            }
            harness.inputs.left.close();
            harness.inputs.right.close();
            harness.settle();
            assert_eq!(harness.outputs.out.take().len(), 0);
            harness.save()
        });
        let saved: Vec<Saved> = saved.collect();
        IS_SILENT.set(false);
        saved
    }};
}

#[test]
fn h10_a_stream_that_has_ended_behind_calls_under_way_ends_in_every_shard() {
    let saved = closed!(looked_up);
    let mut rows = 0;
    for number in 0..2 {
        let mut harness = looked_up::harness();
        harness.restore_shard(&saved, Shard::new(number, 2)).expect("it can be divided");
        harness.settle();
        rows += harness.outputs.out.take().len();
        assert!(harness.outputs.out.frontier().is_end());
    }
    assert_eq!(rows, 200);
}

graph! {
    graph called_without_keys(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        calls = async_map(async |row: Row| (row, ask(row.0).await)).in_flight(1_000);
        left -> calls -> map(|row| told(&row)) -> out;
        right -> discard;
    }
}

graph! {
    graph in_order_without_keys(left: Timed<Row, EventTime>, right: Timed<Row, EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        node = sort();
        left -> node -> map(|row| told(&row)) -> out;
        node.late -> discard;
        right -> discard;
    }
}

#[test]
fn h10_rows_without_keys_that_wait_are_not_divided_and_none_that_wait_are() {
    let refused = |restored: Result<(), Mismatch>| restored.expect_err("it belongs nowhere").to_string();
    let saved = closed!(called_without_keys);
    let restored = called_without_keys::harness().restore_shard(&saved, Shard::new(0, 2));
    assert!(refused(restored).contains("a stream without keys is not divided"));

    let sorted = |until: i64| {
        let mut harness = in_order_without_keys::harness();
        harness.inputs.left.send_at((1, 1), EventTime::from_secs(7));
        harness.inputs.left.advance_to(EventTime::from_secs(until));
        harness.settle();
        harness.save()
    };
    let restored = in_order_without_keys::harness().restore_shard(&[sorted(5), sorted(9)], Shard::new(0, 3));
    assert!(refused(restored).contains("a stream without keys is not divided"));
    let restored = in_order_without_keys::harness().restore_shard(&[sorted(8), sorted(9)], Shard::new(0, 3));
    assert_eq!(restored, Ok(()));
}

/// A graph of one join of changes, and what it is held to.
macro_rules! joins_of_changes {
    ($graph:ident = $join:ident($($args:tt)*) by $key:path, $knows_its_keys:literal: $($tests:tt)+) => {
        graph! {
            graph $graph(left: Update<Row, EventTime, i64>, right: Update<Row, EventTime, i64>) -> (out: Update<String, EventTime, i64>) {
                #![durable]
                both = differential::$join($($args)*);
                left -> key_by($key) -> both.left;
                right -> key_by($key) -> both.right;
                both -> map(|row| told(&row)) -> out;
            }
        }
        rescales!($graph by $key, knowing its keys, $knows_its_keys: $($tests)+);
    };
}

// A trace adds up: there no key is known to be somewhere else.
joins_of_changes!(changes_joined = join() by nullable, false:
    h10_the_traces_of_a_join_follow_their_keys by Together,
    h10_the_traces_of_a_join_follow_their_keys_where_shards_are_apart by Apart,
    h10_the_traces_of_a_join_follow_their_keys_where_one_side_is_idle by RightIsIdle,
    h10_the_traces_of_a_join_follow_their_keys_where_one_side_of_one_shard_ended by RightEndsInOne,
);
joins_of_changes!(changes_full = full_join() by nullable, false:
    h10_the_traces_of_a_full_outer_join_follow_their_keys by Together,
    h10_the_traces_of_a_full_outer_join_follow_their_keys_where_shards_are_apart by Apart,
    h10_the_traces_of_a_full_outer_join_follow_their_keys_where_one_side_ended by RightEnds,
);
joins_of_changes!(changes_left = left_join() by nullable, false:
    h10_the_traces_of_a_left_outer_join_follow_their_keys by Together,
);
joins_of_changes!(changes_semi = semijoin() by nullable, false:
    h10_the_traces_of_a_semi_join_follow_their_keys by Together,
    h10_the_traces_of_a_semi_join_follow_their_keys_where_shards_are_apart by Apart,
);
joins_of_changes!(changes_anti = antijoin() by nullable, false:
    h10_the_traces_of_an_anti_join_follow_their_keys by Together,
);

joins_of_changes!(changes_held = as_of(|row: &Row| row.1, |row: &Row| row.1) by plain, true:
    h10_versions_that_come_and_go_follow_their_keys by Together,
);

/// A graph of one operator on changes, and what it is held to.
macro_rules! reduces {
    ($graph:ident = $reduction:ident($($args:tt)*): $($tests:tt)+) => {
        graph! {
            graph $graph(left: Update<Row, EventTime, i64>, right: Update<Row, EventTime, i64>) -> (out: Update<String, EventTime, i64>) {
                #![durable]
                reduced = differential::$reduction($($args)*);
                left -> key_by(plain) -> map(|row| Keyed { key: row.key, value: row.value.1 }) -> reduced;
                reduced -> map(|row| told(&row)) -> out;
                right -> discard;
            }
        }
        rescales!($graph by plain: $($tests)+);
    };
}

reduces!(changes_counted = count():
    h10_what_is_counted_follows_its_keys by Together,
    h10_what_is_counted_follows_its_keys_where_shards_are_apart by Apart,
);
reduces!(changes_summed = sum(): h10_sums_follow_their_keys by Together);
reduces!(changes_average = average(): h10_averages_follow_their_keys by Together);
reduces!(changes_least = min(): h10_the_least_rows_follow_their_keys by Together);
reduces!(changes_greatest = max(): h10_the_greatest_rows_follow_their_keys by Together);
reduces!(changes_top = top_n(3):
    h10_the_greatest_few_rows_follow_their_keys by Together,
    h10_the_greatest_few_rows_follow_their_keys_where_shards_are_apart by Apart,
);
reduces!(changes_distinct = distinct(): h10_keyed_rows_that_are_told_apart_follow_their_keys by Together);

graph! {
    graph changes_distinct_without_keys(left: Update<Row, EventTime, i64>, right: Update<Row, EventTime, i64>) -> (out: Update<Row, EventTime, i64>) {
        #![durable]
        left -> differential::distinct() -> out;
        right -> discard;
    }
}

graph! {
    graph changes_counted_together(left: Update<Row, EventTime, i64>, right: Update<Row, EventTime, i64>) -> (out: Update<u64, EventTime, i64>) {
        #![durable]
        left -> differential::count_all() -> out;
        right -> discard;
    }
}

#[test]
fn h10_changes_without_keys_are_not_divided() {
    macro_rules! refused {
        ($graph:ident) => {{
            let mut harness = $graph::harness();
            harness.inputs.left.update(Update { data: (1, 1), time: EventTime::from_secs(1), diff: 1 });
            // It waits for its time, or is in.
            for until in [0, 5] {
                harness.inputs.left.advance_to(EventTime::from_secs(until));
                harness.settle();
                let saved = [harness.save(), $graph::harness().save()];
                let restored = (0..3).map(|of| $graph::harness().restore_shard(&saved, Shard::new(of, 3)));
                assert!(restored.into_iter().any(|restored| restored.is_err()), "{until}");
            }
        }};
    }
    refused!(changes_distinct_without_keys);
    refused!(changes_counted_together);
}
