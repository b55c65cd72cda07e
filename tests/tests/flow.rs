//! Rules J: back-pressure, and fairness between sources.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use streamweave::prelude::*;
use streamweave_tests::{BATCHES, finish, until_it_waits};
use tokio::sync::mpsc;

/// Rows of an iterator, counted where they are taken.
fn counted(rows: u64, taken: &Rc<Cell<u64>>) -> impl Iterator<Item = u64> + use<> {
    let taken = Rc::clone(taken);
    (0..rows).inspect(move |_| taken.set(taken.get() + 1))
}

#[test]
fn j1_a_slow_sink_holds_the_source_back_within_a_batch_and_its_capacity() {
    const ROWS: u64 = 3_000;
    for (batch, capacity) in [(1, 1), (1, 5), (7, 1), (7, 16), (64, 3), (1024, 10)] {
        let taken = Rc::new(Cell::new(0));
        let (send, mut receive) = mpsc::channel(capacity);
        let mut run = pin!(
            graph! {
                rows = from_iter(counted(ROWS, &taken));
                rows -> map(|row| row) -> to_channel(send);
            }
            .batch(batch)
            .run()
        );
        let ahead = (batch + capacity) as u64;
        let mut received = 0;
        loop {
            let ended = until_it_waits(run.as_mut()).is_ready();
            let about =
                format!("batch {batch}, capacity {capacity}: {} taken, {received} received", taken.get());
            assert!(taken.get() <= received + ahead, "too far ahead: {about}");
            assert!(ended || taken.get() >= received + capacity as u64, "not held back by the sink: {about}");
            if ended {
                break;
            }
            assert_eq!(receive.try_recv(), Ok(received), "{about}");
            received += 1;
        }
        received += std::iter::from_fn(|| receive.try_recv().ok()).count() as u64;
        assert_eq!((received, taken.get()), (ROWS, ROWS));
    }
}

#[test]
fn j1_a_slow_sink_holds_back_a_stream_within_a_batch_and_its_capacity() {
    for (batch, capacity) in [(1, 1), (7, 16), (64, 3)] {
        let taken = Rc::new(Cell::new(0));
        let (send, mut receive) = mpsc::channel(capacity);
        let mut run = pin!(
            graph! {
                rows = from_stream(futures::stream::iter(counted(5_000, &taken)));
                rows -> to_channel(send);
            }
            .batch(batch)
            .run()
        );
        // What `from_stream` holds ready, the source's own capacity, is 1024 rows.
        let ahead = (batch + capacity) as u64 + 1024;
        for received in 0..2_000 {
            assert!(until_it_waits(run.as_mut()).is_pending());
            let taken = taken.get();
            assert!(taken <= received + ahead, "batch {batch}: {taken} taken, {received} received");
            assert_eq!(receive.try_recv(), Ok(received));
        }
    }
}

#[test]
fn j2_a_fan_out_is_as_slow_as_its_slowest_branch() {
    let taken = Rc::new(Cell::new(0));
    let quick = Rc::new(Cell::new(0));
    let (send, mut receive) = mpsc::channel(2);
    let mut run = pin!(
        graph! {
            rows = from_iter(counted(500, &taken));
            rows -> for_each(|_| quick.set(quick.get() + 1));
            rows -> filter(|row| row % 2 == 0) -> to_channel(send);
        }
        .batch(5)
        .run()
    );
    let mut received = 0;
    while until_it_waits(run.as_mut()).is_pending() {
        // A row received stands for two taken; two wait in the channel, and a batch in the sink.
        assert!(taken.get() <= 2 * (received + 2) + 5, "{} taken, {received} received", taken.get());
        assert_eq!(quick.get(), taken.get());
        assert_eq!(receive.try_recv(), Ok(2 * received));
        received += 1;
    }
    assert_eq!(quick.get(), 500);
}

/// Whether each of `k` sources has at least 1/(2k) of every prefix beyond the first round, as long
/// as all have rows.
fn assert_fair(merged: &[usize], k: usize, batch: usize, rows: usize) {
    let mut shares = vec![0; k];
    for (place, &source) in merged.iter().enumerate() {
        shares[source] += 1;
        let length = place + 1;
        if shares.contains(&rows) {
            assert!(length > k * batch || rows < 2 * batch, "nothing was tested");
            return;
        }
        let fair = shares.iter().all(|share| share * 2 * k >= length);
        assert!(length <= k * batch || fair, "batch {batch}: {shares:?} of the first {length}");
    }
}

#[test]
fn j4_each_of_k_ready_sources_gets_a_fair_share_of_every_prefix() {
    const ROWS: usize = 4_000;
    let of = |source: usize| std::iter::repeat_n(source, ROWS);
    for batch in BATCHES {
        let two = finish(
            graph! {
                a = from_iter(of(0));
                b = from_iter(of(1));
                [a, b] -> merged;
                merged = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_fair(&two.merged, 2, batch, ROWS);
        let three = finish(
            graph! {
                a = from_iter(of(0));
                b = from_stream(futures::stream::iter(of(1)));
                c = from_iter(of(2));
                [c, a, b] -> merged;
                merged = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_fair(&three.merged, 3, batch, ROWS);
        let five = finish(
            graph! {
                a = from_iter(of(0));
                b = from_iter(of(1));
                c = from_iter(of(2));
                d = from_iter(of(3));
                e = from_iter(of(4));
                // Not every source is merged at the same place.
                inner = map(|source: usize| source);
                [e, c] -> inner;
                [b, inner, a, d] -> merged;
                merged = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_fair(&five.merged, 5, batch, ROWS);
        for merged in [two.merged.len(), three.merged.len() - ROWS, five.merged.len() - 3 * ROWS] {
            assert_eq!(merged, 2 * ROWS);
        }
    }
}

#[test]
fn j4_a_source_that_is_never_ready_does_not_hold_the_others() {
    let (silent, receive) = mpsc::channel::<usize>(1);
    let merged = Rc::new(Cell::new([0; 3]));
    let mut run = pin!(
        graph! {
            a = from_iter(std::iter::repeat_n(0_usize, 100));
            b = from_channel(receive);
            c = from_iter(std::iter::repeat_n(2_usize, 100));
            [a, b, c] -> for_each(|source| {
                let mut shares = merged.get();
                shares[source] += 1;
                merged.set(shares);
            });
        }
        .batch(3)
        .run()
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(merged.get(), [100, 0, 100]);
    drop(silent);
    assert!(until_it_waits(run.as_mut()).is_ready());
}

#[test]
fn j6_the_end_fires_what_is_open_before_the_graph_is_done() {
    let result = finish(
        graph! {
            rows = from_iter([1, 25, 3]);
            tens = tumbling(10.micros()).aggregate(Count::new);
            rows -> event_time(|row: &i64| EventTime::from_micros(*row), bounded(1.hours())) -> key_by(|_| ())
                -> tens -> map(|pane| pane.value.value) -> counts;
            tens.late -> discard;
            counts = collect();
        }
        .run(),
    );
    assert_eq!(result.counts, [2, 1]);
    result.assert_conserved();
}
