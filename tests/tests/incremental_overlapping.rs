//! What a checkpoint writes of windows that overlap follows what has changed since the one before, and a graph that goes on from one that
//! was taken while they fired goes on as one that was never stopped.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use streamweave::checkpoint::Checkpoints;
use streamweave::operator::{Collect, Mean};
use streamweave::prelude::*;
use streamweave::testing::World;

/// More than is written of a map before rows come again behind a cut.
const KEYS: u64 = 10_000;

/// A key, a number, and a time in seconds.
type Row = (u64, u64, i64);

fn time(row: &Row) -> EventTime {
    EventTime::from_secs(row.2)
}

fn on_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread can be built").block_on(future)
}

#[test]
fn of_windows_that_overlap_the_keys_are_written_that_have_changed() {
    let world = World::new(1);
    on_runtime(async {
        let (sender, rows) = tokio::sync::mpsc::channel::<Row>(2 * KEYS as usize);
        let (taken, panes) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (seen, fired) = (Arc::clone(&taken), Arc::clone(&panes));
        let running = graph! {
            #![durable]
            rows   = from_channel(rows);
            counts = sliding(60.secs(), 10.secs()).aggregate(Count::new);
            rows -> inspect(move |_: &Row| _ = seen.fetch_add(1, Ordering::SeqCst)) -> event_time(time, bounded(0.secs()))
                -> key_by(|row: &Row| row.0) -> counts -> for_each(move |_| _ = fired.fetch_add(1, Ordering::SeqCst));
            counts.late -> discard;
        }
        .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        .spawn();
        // What is saved behind these rows and those before, and how many panes have come until then.
        let saved = async |rows: &mut dyn Iterator<Item = Row>| {
            let mut sent = taken.load(Ordering::SeqCst);
            rows.for_each(|row| {
                sender.try_send(row).expect("there is room");
                sent += 1;
            });
            while taken.load(Ordering::SeqCst) < sent {
                running.explain().await.expect("it runs");
            }
            let saved = running.checkpoint(None).await.expect("it is taken");
            (saved.entries, saved.bytes, panes.load(Ordering::SeqCst))
        };
        let (entries, all, _) = saved(&mut (0..KEYS).map(|key| (key, 1, 1))).await;
        assert_eq!(entries, KEYS);
        let (entries, few, _) = saved(&mut (0..50).map(|key| (key * 9, 1, 2))).await;
        assert_eq!(entries, 50);
        assert!(few * 20 < all, "{few} bytes for a few keys, {all} for all");
        // The slice is closed, and what was in it goes to the keys: all are new there.
        let (entries, ..) = saved(&mut [(7, 1, 11)].into_iter()).await;
        assert_eq!(entries, KEYS + 1);
        // Others that fire change nothing of a key that has no new rows.
        for number in 2..6 {
            let (entries, bytes, panes) = saved(&mut [(7, 1, 1 + 10 * number as i64)].into_iter()).await;
            assert_eq!((entries, panes), (2, number * KEYS));
            assert!(bytes * 10 < all, "{bytes} bytes for a key, {all} for all");
        }
        // All the other keys have been in their last window.
        let (entries, _, panes) = saved(&mut [(7, 1, 61)].into_iter()).await;
        assert_eq!((entries, panes), (KEYS + 1, 6 * KEYS));
        let (entries, bytes, panes) = saved(&mut [(7, 1, 71)].into_iter()).await;
        assert_eq!((entries, panes), (2, 6 * KEYS + 1));
        assert!(bytes * 10 < all, "{bytes} bytes for a key, {all} for all");
    });
}

const PHASES: u64 = 7;

/// What comes between two checkpoints. Its first row takes the frontier on, so that windows fire and slices are closed that the cut has just
/// frozen; the next, every other time, are behind it, and open some of them again; then come many keys, and at last some for which it is too late.
fn phase(number: u64) -> Vec<Row> {
    let now = 10 * number as i64;
    let first = [(number, 1, now + 9)].into_iter();
    let behind =
        (0..number % 2 * 40).map(|step| (step * step * 3 % KEYS, step, now - 14 + (step % 14) as i64));
    let keys = (0..KEYS).filter(|key| number % 3 == 0 || (key + number) % 5 == 0);
    let many = keys.map(|key| {
        let key = key * 7_919 % KEYS;
        (key, key % 97 + number, now + (key % 10) as i64)
    });
    let late = (0..20).map(|step| (step * 11, step, now - 50));
    first.chain(behind).chain(many).chain(late).collect()
}

/// A directory that goes with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("streamweave-incremental-overlapping-{}-{name}", std::process::id());
        Directory(std::env::temp_dir().join(name))
    }

    fn checkpoints(&self) -> Checkpoints {
        Checkpoints::in_directory(&self.0).on_demand()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A test may have failed before it wrote.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What came out, as text.
#[derive(Clone)]
struct Out {
    text: Sender<String>,
    rows: Arc<AtomicU64>,
}

impl Out {
    fn new() -> (Self, Receiver<String>) {
        let (text, told) = channel();
        (Out { text, rows: Arc::default() }, told)
    }

    fn tell<D: Debug>(&self, row: D) {
        self.rows.fetch_add(1, Ordering::SeqCst);
        self.text.send(format!("{row:?}")).expect("the test takes it");
    }
}

/// Holds windows to it that they go on behind each of the checkpoints as if they had never been stopped: on values that `$value` makes.
macro_rules! goes_on {
    ($($name:ident: $value:expr, $windows:expr;)+) => {$(
        #[test]
        fn $name() {
            // Takes the phases from this one on; a savepoint behind each, during which the next one comes. Gives how many rows had come out
            // before each savepoint, and when it was there.
            async fn run(checkpoints: Checkpoints, from: u64, saves: bool, out: Out) -> Vec<(u64, u64)> {
                let taken = Arc::<AtomicU64>::default();
                let seen = Arc::clone(&taken);
                let room: usize = (from..PHASES).map(|number| phase(number).len()).sum();
                let (sender, rows) = tokio::sync::mpsc::channel::<Row>(room.max(1));
                let (tells, tells_late, counter) = (out.clone(), out.clone(), Arc::clone(&out.rows));
                let running = graph! {
                    #![durable]
                    rows    = from_channel(rows);
                    windows = $windows;
                    rows -> inspect(move |_: &Row| _ = seen.fetch_add(1, Ordering::SeqCst)) -> event_time(time, bounded(5.secs()))
                        -> map(|row: Row| Keyed { key: row.0, value: $value(row.1) })
                        -> windows -> for_each(move |pane| tells.tell(pane));
                    windows.late -> for_each(move |late| tells_late.tell(late));
                }
                .checkpoints(checkpoints)
                .spawn();
                let send = |number: u64| {
                    let rows = (number < PHASES).then(|| phase(number)).into_iter().flatten();
                    rows.for_each(|row| sender.try_send(row).expect("there is room"));
                };
                let (mut sent, mut saved) = (0, Vec::new());
                send(from);
                for number in from..PHASES {
                    sent += phase(number).len() as u64;
                    while taken.load(Ordering::SeqCst) < sent {
                        running.explain().await.expect("it runs");
                    }
                    let next = async { send(number + 1) };
                    if saves {
                        let before = counter.load(Ordering::SeqCst);
                        let name = number.to_string();
                        let (taken, ()) = futures::future::join(running.checkpoint(Some(&name)), next).await;
                        taken.expect("it is taken");
                        saved.push((before, counter.load(Ordering::SeqCst)));
                    } else {
                        next.await;
                    }
                }
                drop(sender);
                running.await.expect("it comes to its end");
                saved
            }

            let directory = Directory::new(stringify!($name));
            let (out, told) = Out::new();
            let saved = on_runtime(run(directory.checkpoints(), 0, true, out));
            let whole: Vec<String> = told.iter().collect();
            let (out, told) = Out::new();
            let other = Directory::new(concat!(stringify!($name), "-whole"));
            on_runtime(run(other.checkpoints(), 0, false, out));
            assert!(told.iter().eq(whole.iter().cloned()), "checkpoints change what comes out");
            assert_eq!(saved.len() as u64, PHASES);
            let fired = saved.iter().filter(|(before, then)| before + 1_000 < *then).count();
            assert!(fired > 3, "{saved:?}");
            for (number, (before, _)) in (0..).zip(saved) {
                let (out, told) = Out::new();
                let checkpoints = directory.checkpoints().from_savepoint(number.to_string());
                on_runtime(run(checkpoints, number + 1, false, out));
                let rest: Vec<String> = told.iter().collect();
                let expected = &whole[before as usize..];
                let same = rest.iter().zip(expected).take_while(|(a, b)| a == b).count();
                assert!(rest == expected, "behind phase {number}: {same} are the same of {} and {}", rest.len(), expected.len());
            }
        }
    )+};
}

/// A number whose sums depend on their order.
fn tenths(number: u64) -> f64 {
    number as f64 / 10.0
}

goes_on! {
    sums_that_are_taken_back_go_on: u64::cast_signed, sliding(40.secs(), 10.secs()).aggregate(Sum::new);
    means_of_floats_go_on: tenths, sliding(30.secs(), 5.secs()).aggregate(Mean::new);
    values_by_key_go_on: std::convert::identity, sliding(25.secs(), 10.secs()).by_key().aggregate(Collect::new);
}
