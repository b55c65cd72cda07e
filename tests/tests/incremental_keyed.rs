//! What joins, the operators of event time and windows of rows keep by key is saved incrementally: the bytes of a checkpoint follow what has
//! changed since the one before, and a graph that goes on from them gives what one gives that never stops.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

use streamweave::checkpoint::Checkpoints;
use streamweave::envelope::{Nullable, Update};
use streamweave::operator::Collect;
use streamweave::prelude::*;

/// Whether it is for the left input of two, a number, and its time in seconds.
type Row = (bool, u64, i64);

const KEYS: u64 = 20_000;

/// Each thousandth key is null.
fn key(row: &Row) -> Nullable<u64> {
    Nullable::from((row.1 % 1_000 != 7).then_some(row.1))
}

fn time(row: &Row) -> EventTime {
    EventTime::from_secs(row.2)
}

fn told<D: Debug>(row: &D) -> String {
    format!("{row:?}")
}

/// Every key, on the right; all of them have yet to be passed by the frontier.
fn all() -> Vec<Row> {
    (0..KEYS).map(|number| (false, number, 5)).collect()
}

/// A few of them once more, on both sides: before the others at first, and then so far on that the frontier passes all that there was.
fn few() -> Vec<Row> {
    (0..60).map(|number| (number % 3 == 0, number % 20 * 7 + 1, 3 + number as i64 / 6)).collect()
}

/// What comes after a restart: those few keys, old keys, null ones, new ones, and all of that again when everything may be forgotten.
fn more() -> Vec<Row> {
    let rows = (0..600).map(|number| {
        let (hours, step) = (number as i64 / 300, number % 300);
        (number % 2 == 0, step / 2 * 143 + step % 3, hours * 7_200 + 14 + step as i64 / 50)
    });
    few().into_iter().map(|(_, number, time)| (true, number, time + 11)).chain(rows).collect()
}

/// A directory that is removed after the test.
struct Temporary(PathBuf);

impl Temporary {
    fn named(name: &str) -> Self {
        let name = format!("streamweave-incremental-{}-{name}", std::process::id());
        Temporary(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A test may have failed before it wrote.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn kept(directory: &Path) -> Checkpoints {
    Checkpoints::in_directory(directory).on_demand()
}

/// Holds an operator to it: a graph fed with `$rows`, whose output goes to `$out` as text.
macro_rules! saves_what_changed {
    ($($name:ident($diff:ty: $node:ident = $operator:ident($($args:tt)*) $(.$option:ident($($option_args:tt)*))* { $($arrows:tt)* }))+) => {$(
        #[test]
        fn $name() {
            // Feeds the parts in turn; a checkpoint after each, or none and the end.
            async fn run(checkpoints: Checkpoints, parts: &[Vec<Row>], ends: bool, out: Sender<String>) -> Vec<u64> {
                let taken = Arc::new(AtomicUsize::new(0));
                let seen = Arc::clone(&taken);
                let (sender, receiver) = tokio::sync::mpsc::channel(parts.iter().map(Vec::len).sum());
                let (told_of, observed) = std::sync::mpsc::channel();
                let checkpoints = checkpoints.observed_by(move |published| {
                    told_of.send(published.bytes).expect("the test takes it");
                });
                let mut running = graph! {
                    #![durable]
                    rows = from_channel(receiver);
                    // Nothing is left of a row when the next one is taken.
                    rows -> inspect(move |_: &Row| _ = seen.fetch_add(1, Ordering::Relaxed))
                        -> event_time(time, bounded(3.secs())) -> timed;
                    timed = inspect(|_| ());
                    $node = $operator($($args)*) $(.$option($($option_args)*))*;
                    $($arrows)*
                    $node -> map(|row| told(&row)) -> for_each_update(move |row: Update<String, EventTime, $diff>| {
                        out.send(format!("{} {} {:?}", row.time, row.data, row.diff)).expect("the test takes it");
                    });
                }
                .checkpoints(checkpoints)
                .spawn();
                let (mut sent, mut bytes) = (0, Vec::new());
                for part in parts {
                    for row in part {
                        sender.send(*row).await.expect("it runs");
                    }
                    sent += part.len();
                    while taken.load(Ordering::Relaxed) < sent {
                        running.explain().await;
                    }
                    if !ends {
                        let published = running.checkpoint(None).await.expect("it is taken");
                        bytes.push(published.bytes);
                        assert_eq!(observed.try_iter().collect::<Vec<_>>(), [published.bytes]);
                    }
                }
                if ends {
                    drop(sender);
                    running.await.expect("it comes to its end");
                } else {
                    running.stop_with_savepoint("kept").await.expect("it is taken");
                }
                bytes
            }

            let [whole, stopped] = ["whole", "stopped"].map(|run| Temporary::named(&format!("{}-{run}", stringify!($name))));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let (out, expected) = std::sync::mpsc::channel();
            runtime.block_on(run(kept(&whole.0), &[all(), few(), more()], true, out));
            let (out, found) = std::sync::mpsc::channel();
            let bytes = runtime.block_on(run(kept(&stopped.0), &[all(), few()], false, out.clone()));
            let [first, second] = bytes[..] else { panic!("there were two") };
            assert!(first > 2 * KEYS, "{first}");
            assert!(second * 20 < first, "{second} bytes after {first}");
            runtime.block_on(run(kept(&stopped.0), &[more()], true, out));
            let (found, expected): (Vec<_>, Vec<_>) = (found.iter().collect(), expected.iter().collect());
            assert!(expected.len() > 100, "{}", expected.len());
            assert_eq!(found, expected);
        }
    )+};
}

saves_what_changed! {
    the_table_of_enrich((): node = enrich().left_outer() {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    })
    the_versions_of_as_of((): node = as_of().left_outer().deleted_when(|row: &Row| row.1 % 500 == 8) {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    })
    the_versions_that_as_of_retains((): node = as_of().retain(1.hours()) {
        timed -> filter(|row: &Row| row.0) -> key_by(key) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(key) -> node.right;
    })
    the_last_rows(i64: node = last_per_key() {
        timed -> key_by(key) -> node;
        node.late -> discard;
    })
    the_last_rows_that_live_for_an_hour(i64: node = last_per_key().ttl(1.hours()) {
        timed -> key_by(key) -> node;
        node.late -> discard;
    })
    the_first_rows(i64: node = first_per_key() {
        timed -> key_by(key) -> node;
        node.late -> discard;
    })
    the_first_rows_that_live_for_an_hour(i64: node = first_per_key().ttl(1.hours()) {
        timed -> key_by(key) -> node;
        node.late -> discard;
    })
    the_first_rows_that_are_final((): node = first_per_key().when_final() {
        timed -> key_by(key) -> node;
        node.late -> discard;
    })
    windows_of_rows((): node = count_windows(3).aggregate(Collect::new) {
        timed -> key_by(key) -> node;
    })
    windows_of_rows_that_overlap((): node = count_windows(4).every(2).aggregate(Collect::new) {
        timed -> key_by(key) -> node;
    })
}
