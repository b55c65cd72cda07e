//! What a checkpoint writes follows what has changed since the one before, of operators whose state grows with their input.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use streamweave::checkpoint::Checkpoints;
use streamweave::prelude::*;
use streamweave::testing::World;
use tokio::sync::mpsc;

/// How many rows of each side come before the first checkpoint.
const ROWS: u64 = 10_000;

/// What of a row others are to wait for.
fn counted(counter: &Arc<AtomicU64>) -> impl FnMut(u64) + use<> {
    let counter = Arc::clone(counter);
    move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// As a step in passing.
fn passing(counter: &Arc<AtomicU64>) -> impl FnMut(u64) -> u64 + use<> {
    let mut count = counted(counter);
    move |row| {
        count(row);
        row
    }
}

/// The sum of what comes.
fn added(sum: &Arc<AtomicU64>) -> impl FnMut(u64) + use<> {
    let sum = Arc::clone(sum);
    move |value| {
        sum.fetch_add(value, Ordering::SeqCst);
    }
}

async fn until(counter: &AtomicU64, count: u64) {
    while counter.load(Ordering::SeqCst) < count {
        tokio::task::yield_now().await;
    }
}

#[test]
fn of_a_join_the_rows_are_written_that_have_come_since_the_last_checkpoint() {
    let world = World::new(1);
    let storage = || Checkpoints::in_storage(world.storage(), "simulated").on_demand();
    macro_rules! joined {
        ($left:expr, $right:expr, $counter:expr, $pairs:expr) => {
            graph! {
                #![durable]
                lefts  = from_channel($left);
                rights = from_channel($right);
                both   = join();
                lefts -> map(passing($counter)) -> key_by(|row| row % 1_000) -> both.left;
                rights -> map(passing($counter)) -> key_by(|row| row % 1_000 * 7) -> both.right;
                both -> map(|row| row.key) -> for_each(counted($pairs));
            }
            .checkpoints(storage())
        };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let channels = || (mpsc::channel::<u64>(2 * ROWS as usize), mpsc::channel::<u64>(2 * ROWS as usize));
    let send = |sender: &mpsc::Sender<u64>, rows: std::ops::Range<u64>| {
        rows.for_each(|row| sender.try_send(row).expect("there is room"));
    };
    runtime.block_on(async {
        let ((left, lefts), (right, rights)) = channels();
        let counter = Arc::default();
        let mut running = joined!(lefts, rights, &counter, &Arc::default()).spawn();
        send(&left, 0..ROWS);
        send(&right, 0..ROWS);
        until(&counter, 2 * ROWS).await;
        let first = running.checkpoint(None).await.expect("it is taken");
        send(&left, ROWS..ROWS + 20);
        send(&right, ROWS..ROWS + 30);
        until(&counter, 2 * ROWS + 50).await;
        let second = running.stop_with_savepoint("stopped").await.expect("it is taken");
        assert!(first.bytes > 50 * 2 * ROWS / 10, "{first:?}");
        assert!(second.bytes * 20 < first.bytes, "{second:?} behind {first:?}");
        assert_eq!((first.entries, second.entries), (2 * ROWS, 50));

        // It goes on with all of them.
        let ((left, lefts), (right, rights)) = channels();
        send(&left, 0..100);
        send(&right, 0..100);
        drop((left, right));
        let pairs_again = Arc::default();
        joined!(lefts, rights, &Arc::default(), &pairs_again).run().await.expect("it goes on");
        let (old, new): (Vec<u64>, Vec<u64>) = ((0..ROWS + 20).collect(), (0..ROWS + 30).collect());
        let pairs = |lefts: &[u64], rights: &[u64]| {
            let keys = |left: &u64| left % 1_000;
            lefts
                .iter()
                .map(|left| rights.iter().filter(|right| *right % 1_000 * 7 == keys(left)).count())
                .sum::<usize>()
        };
        let more: Vec<u64> = (0..100).collect();
        let (lefts, rights) = ([&old[..], &more].concat(), [&new[..], &more].concat());
        let expected = pairs(&lefts, &rights) - pairs(&old, &new);
        assert_eq!(pairs_again.load(Ordering::SeqCst), expected as u64);
    });
}

#[test]
fn of_a_window_the_keys_are_written_that_have_changed_and_one_that_fires_meanwhile_is_written_as_it_was() {
    let world = World::new(1);
    macro_rules! counted_by_second {
        ($rows:expr, $counter:expr, $panes:expr) => {
            graph! {
                #![durable]
                rows   = from_channel($rows);
                counts = tumbling(1.secs()).aggregate(Count::new);
                rows -> map(passing($counter)) -> event_time(|row| EventTime::from_micros(*row as i64), bounded(0.secs()))
                    -> key_by(|row| row % ROWS) -> counts -> map(|pane| pane.value.value) -> for_each(added($panes));
                counts.late -> discard;
            }
            .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (sender, rows) = mpsc::channel::<u64>(2 * ROWS as usize);
        let (counter, panes) = (Arc::default(), Arc::default());
        let running = counted_by_second!(rows, &counter, &panes).spawn();
        (0..ROWS).for_each(|row| sender.try_send(row).expect("there is room"));
        until(&counter, ROWS).await;
        let first = running.checkpoint(None).await.expect("it is taken");
        assert_eq!(first.entries, ROWS);
        (0..50).for_each(|row| sender.try_send(ROWS + row).expect("there is room"));
        until(&counter, ROWS + 50).await;
        let second = running.checkpoint(None).await.expect("it is taken");
        assert_eq!(second.entries, 50);
        assert!(second.bytes * 10 < first.bytes, "{second:?} behind {first:?}");

        // All of the window's keys change, and it fires once they are frozen and before they are written.
        (0..ROWS).for_each(|row| sender.try_send(2 * ROWS + row).expect("there is room"));
        until(&counter, 2 * ROWS + 50).await;
        let (third, ()) = futures::future::join(running.checkpoint(None), async {
            sender.try_send(3_600_000).expect("there is room");
        })
        .await;
        assert_eq!(third.expect("it is taken").entries, ROWS);
        until(&panes, 2 * ROWS + 50).await;
        drop(running);
        world.restart();

        // It goes on from before the window fired.
        let (sender, rows) = mpsc::channel::<u64>(8);
        let panes = Arc::default();
        sender.try_send(3_600_000).expect("there is room");
        drop(sender);
        counted_by_second!(rows, &Arc::default(), &panes).run().await.expect("it goes on");
        assert_eq!(panes.load(Ordering::SeqCst), 2 * ROWS + 50 + 1);
    });
}
