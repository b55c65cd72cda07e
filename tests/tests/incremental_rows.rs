//! Rows that wait for their time, and rows of windows that have not fired, are saved incrementally: what a checkpoint writes follows what has
//! come and gone since the one before, and a graph that goes on from any of them gives what one gives that never stops, also where what a
//! checkpoint has frozen goes before it is written.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use streamweave::checkpoint::{Checkpoints, Published};
use streamweave::envelope::{Nullable, Update};
use streamweave::operator::window::{Sliding, Tumbling, Window};
use streamweave::prelude::*;
use streamweave::testing::World;

/// Whether it is for the left input of two, a number, and its time in milliseconds.
type Row = (bool, u64, i64);

const MANY: u64 = 12_000;
const FEW: u64 = 60;

/// Each hundredth key is null.
fn key(row: &Row) -> Nullable<u64> {
    Nullable::from((row.1 % 100 != 7).then_some(row.1 * 7_919 % 3_001))
}

fn time(row: &Row) -> EventTime {
    EventTime::from_micros(row.2 * 1_000)
}

fn told<D: Debug>(row: &D) -> String {
    format!("{row:?}")
}

/// A group as one row.
fn in_one(key: &Nullable<u64>, window: Window, left: Vec<Row>, right: Vec<Row>) -> Option<Group> {
    Some((*key, window, left, right))
}

type Group = (Nullable<u64>, Window, Vec<Row>, Vec<Row>);

/// So many rows from this number on, out of order within so many milliseconds, on both sides.
fn rows(first: u64, many: u64, from: i64, within: u64) -> impl Iterator<Item = Row> {
    (first..first + many).map(move |number| {
        let time = from + (number * 104_729 % within) as i64;
        (number * 31 % 11 < 6, number, time)
    })
}

/// What comes in turn, with a checkpoint behind each but the last: of each but the first it is written while the next comes.
fn parts() -> [Vec<Row>; 6] {
    let after = MANY + FEW;
    [
        rows(0, MANY, 0, 8_000).collect(),
        rows(MANY, FEW, 3_000, 5_000).collect(),
        rows(after, 10_000, 8_000, 5_000).collect(),
        // At once the frontier passes what was frozen, and others come in its place.
        [(true, 1, 30_000), (false, 1, 24_500)]
            .into_iter()
            .chain(rows(after + 10_000, 400, 27_500, 14_000))
            .collect(),
        // Windows are opened and fire between two checkpoints, and one stays.
        (10..30).flat_map(|step| rows(after + 10_400 + step as u64 * 20, 20, step * 10_000, 9_000)).collect(),
        rows(after + 11_000, 300, 299_000, 40_000).collect(),
    ]
}

/// Holds an operator to it: a graph fed with rows that are out of order by at most `$bound`, whose output goes out as text.
macro_rules! saves_what_comes_and_goes {
    ($($name:ident within $bound:expr => $node:ident = $operator:ident($($args:tt)*) $(.$option:ident())? { $($arrows:tt)* })+) => {$(
        #[test]
        fn $name() {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let parts = parts();
            // Goes on with these parts, with a checkpoint behind each, up to the last of them; or to the end.
            let run = |world: &World, from: usize, checkpoints: usize| -> (Vec<String>, Vec<Published>) {
                let taken = Arc::new(AtomicUsize::new(0));
                let seen = Arc::clone(&taken);
                let (sender, receiver) = tokio::sync::mpsc::channel(parts.iter().map(Vec::len).sum());
                let (out, came) = channel();
                let graph = graph! {
                    #![durable]
                    rows = from_channel(receiver);
                    rows -> inspect(move |_: &Row| _ = seen.fetch_add(1, Ordering::Relaxed))
                        -> event_time(time, bounded($bound)) -> timed;
                    timed = inspect(|_| ());
                    $node = $operator($($args)*) $(.$option())?;
                    $($arrows)*
                    $node -> map(|row| told(&row)) -> for_each_update(move |row: Update<String, EventTime>| {
                        out.send(format!("{} {}", row.time, row.data)).expect("the test takes it");
                    });
                };
                let graph = graph.checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand());
                let send = move |part: &[Row]| part.iter().for_each(|row| sender.try_send(*row).expect("there is room"));
                runtime.block_on(async {
                    if checkpoints == 0 {
                        parts[from..].iter().for_each(|part| send(part));
                        drop(send);
                        graph.run().await.expect("it comes to its end");
                        return (came.iter().collect(), Vec::new());
                    }
                    let running = graph.spawn();
                    let (mut sent, mut before, mut published) = (parts[from].len(), Vec::new(), Vec::new());
                    send(&parts[from]);
                    for next in &parts[from + 1..][..checkpoints] {
                        while taken.load(Ordering::Relaxed) < sent {
                            running.explain().await;
                        }
                        before.extend(came.try_iter());
                        let (checkpoint, ()) = futures::future::join(running.checkpoint(None), async {
                            send(next);
                        })
                        .await;
                        published.push(checkpoint.expect("it is taken"));
                        sent += next.len();
                    }
                    (before, published)
                })
            };

            let (expected, _) = run(&World::new(1), 0, 0);
            assert!(expected.len() > 1_000, "{}", expected.len());
            for stopped in 1..parts.len() {
                let world = World::new(stopped as u64);
                let (mut found, published) = run(&world, 0, stopped);
                let first = &published[0];
                assert!(first.entries >= MANY / 2, "{first:?}");
                if let Some(second) = published.get(1) {
                    assert!((FEW / 2..=2 * FEW).contains(&second.entries), "{second:?}");
                    assert!(second.bytes * 15 < first.bytes, "{second:?} behind {first:?}");
                }
                world.restart();
                // Once more, and then to the end: what was restored is saved as what has changed since, too.
                let mut from = stopped;
                if stopped + 1 < parts.len() {
                    let (more, published) = run(&world, from, 1);
                    if stopped == 1 {
                        assert!((FEW / 2..=2 * FEW).contains(&published[0].entries), "{published:?}");
                    }
                    found.extend(more);
                    from += 1;
                    world.restart();
                }
                found.extend(run(&world, from, 0).0);
                let at = found.iter().zip(&expected).take_while(|(one, other)| one == other).count();
                assert!(
                    found == expected,
                    "stopped behind part {stopped}: after {at} of {} rows {:?} came in place of {:?}",
                    expected.len(), found.get(at), expected.get(at),
                );
            }
        }
    )+};
}

saves_what_comes_and_goes! {
    rows_that_are_sorted within 20.secs() => node = sort() {
        timed -> node;
        node.late -> discard;
    }
    rows_that_are_sorted_by_a_key within 20.secs() => node = sort_by_key(|row: &Keyed<Nullable<u64>, Row>| row.value.1 % 10) {
        timed -> key_by(key) -> node;
        node.late -> discard;
    }
    rows_of_a_window_join within 3.secs() => node = window_join(Tumbling::new(10.secs())) {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    }
    rows_of_windows_that_overlap within 3.secs() => node = window_join(Sliding::new(20.secs(), 10.secs())).full_outer() {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    }
    rows_of_a_window_join_that_is_outer within 3.secs() => node = window_join(Tumbling::new(10.secs())).left_outer() {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    }
    rows_with_partners within 3.secs() => node = window_join(Sliding::new(20.secs(), 10.secs())).semi() {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    }
    rows_without_partners within 3.secs() => node = window_join(Tumbling::new(10.secs())).anti() {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    }
    rows_of_groups within 3.secs() => node = co_group(Tumbling::new(10.secs()), in_one) {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    }
}
