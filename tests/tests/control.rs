//! What can be asked of a graph while it runs, and that a slow sink stops nothing but what leads to it.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use streamweave::graph::Explanation;
use streamweave::prelude::*;
use streamweave::time::{ManualClock, Reached};
use streamweave::{Error, Running, testing};
use streamweave_tests::until_it_waits;
use tokio::sync::mpsc;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn micros(at: &i64) -> EventTime {
    EventTime::from_micros(*at)
}

/// Asks until what is told is as it should be; a graph that never gets there fails the test.
async fn told<R>(running: &Running<R>, what: &str, is_so: impl Fn(&Explanation) -> bool) -> Explanation {
    for _ in 0..10_000 {
        let explanation = running.explain().await.expect("it runs");
        if is_so(&explanation) {
            return explanation;
        }
        tokio::task::yield_now().await;
    }
    panic!("never: {what}");
}

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_graph_answers_while_a_sink_is_full() {
    block_on(async {
        let (full, mut slow) = mpsc::channel(1);
        let running = graph! {
            rows = from_iter(0..1_000_i64);
            rows -> event_time(micros, bounded(0.micros())) -> untimed() -> stuck;
            stuck = to_channel(full);
        }
        .batch(10)
        .spawn();
        let explanation = told(&running, "the sink is full", |told| {
            told.node("stuck").is_some_and(|stuck| stuck.is_flushing)
        })
        .await;
        let holding: Vec<&str> = explanation.holding().map(|node| node.name).collect();
        assert!(holding.contains(&"stuck"), "{explanation}");
        assert_eq!(running.frontier().await, Reached::Start);
        running.drain();
        running.drain();
        assert!(running.explain().await.is_some(), "it drains, and answers");
        let mut rows = Vec::new();
        while let Some(row) = slow.recv().await {
            rows.push(row);
        }
        running.await.expect("nothing fails").assert_conserved();
        assert!(rows.len() < 1_000, "the source was ended");
        assert_eq!(rows, Vec::from_iter(0..rows.len() as i64));
    });
}

#[test]
fn a_graph_is_aborted_while_a_sink_is_full() {
    block_on(async {
        let (full, mut slow) = mpsc::channel(1);
        let running = graph! {
            rows = from_iter(0..1_000);
            rows -> stuck;
            stuck = to_channel(full);
        }
        .batch(10)
        .spawn();
        told(&running, "the sink is full", |told| told.node("stuck").is_some_and(|stuck| stuck.is_flushing))
            .await;
        running.abort();
        assert_eq!(slow.recv().await, Some(0));
        assert_eq!(slow.recv().await, None, "what was not flushed is lost");
        assert!(matches!(running.await, Err(Error::Stopped(_))));
    });
}

#[test]
fn dropping_the_handle_aborts_the_graph() {
    block_on(async {
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(Arc::clone(&dropped));
        let (_held, rows) = mpsc::channel::<u64>(1);
        let running = graph! {
            rows = from_channel(rows);
            rows -> map(move |row| { let _ = &guard; row }) -> for_each(|_| ());
        }
        .spawn();
        assert!(running.explain().await.is_some());
        assert!(!dropped.load(Ordering::Relaxed));
        drop(running);
        tokio::task::yield_now().await;
        assert!(dropped.load(Ordering::Relaxed));
    });
}

#[test]
fn what_is_asked_after_the_end_finds_no_graph() {
    block_on(async {
        let mut running = graph! {
            rows = from_iter(0..10);
            rows -> out;
            out = collect();
        }
        .spawn();
        let result = (&mut running).await.expect("nothing fails");
        assert_eq!(result.out.len(), 10);
        assert_eq!(running.explain().await, None);
        assert_eq!(running.frontier().await, Reached::End);
        running.drain();
        running.abort();
    });
}

#[test]
fn draining_twice_gives_the_result_once() {
    block_on(async {
        let (send, rows) = mpsc::channel(10);
        let running = graph! {
            rows = from_channel(rows);
            rows -> out;
            out = collect();
        }
        .spawn();
        (0..5_u64).for_each(|row| send.try_send(row).expect("there is room"));
        running.drain();
        running.drain();
        assert_eq!(running.await.expect("nothing fails").out, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn the_frontier_of_a_windowed_graph_tells_event_time_with_and_without_a_default_for_errors() {
    block_on(async {
        let (send, rows) = mpsc::channel(10);
        let running = graph! {
            #![on_error = skip]
            rows = from_channel(rows);
            timed = event_time(|row: &i64| (*row >= 0).then(|| micros(row)), bounded(5.micros()));
            tens = tumbling(10.micros()).aggregate(Count::new);
            rows -> timed -> key_by(|_| ()) -> tens -> panes;
            tens.late -> discard;
            panes = for_each(|_| ());
        }
        .spawn();
        assert_eq!(running.frontier().await, Reached::Start);
        for (row, expected) in [(7, 2), (32, 27), (-1, 27), (12, 27), (60, 55)] {
            send.send(row).await.expect("it runs");
            tokio::task::yield_now().await;
            let explanation = running.explain().await.expect("it runs");
            let at = explanation.node("panes").and_then(|panes| panes.entered.event_time());
            assert_eq!(at.map(EventTime::micros), Some(expected), "{explanation}");
            // What is late and what fails has come as far.
            assert_eq!(
                running.frontier().await.event_time().map(EventTime::micros),
                Some(expected),
                "{explanation}"
            );
        }
        drop(send);
        running.await.expect("nothing fails").assert_conserved();
    });
}

#[test]
fn a_call_in_flight_ends_while_a_sink_is_full() {
    let clock = ManualClock::new();
    let waits = clock.clone();
    let ended = Rc::new(Cell::new(0));
    let counted = Rc::clone(&ended);
    let (full, mut slow) = mpsc::channel(1);
    let mut run = pin!(
        graph! {
            rows = from_iter(0..8_u64);
            others = from_iter(0..100_u64);
            calls = async_map(move |row: u64| {
                let (nap, counted) = (waits.sleep(row.cast_signed().secs()), Rc::clone(&counted));
                async move {
                    nap.await;
                    counted.set(counted.get() + 1);
                    row
                }
            });
            rows -> calls;
            [calls, others] -> stuck;
            stuck = to_channel(full);
        }
        .batch(8)
        .clock(clock.clone())
        .run()
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    for second in 1..=8 {
        assert_eq!(ended.get(), second, "the sink is full, the calls go on");
        clock.advance(1.secs());
        assert!(until_it_waits(run.as_mut()).is_pending());
    }
    let mut received = 0;
    while until_it_waits(run.as_mut()).is_pending() {
        slow.try_recv().expect("it waits for room");
        received += 1;
    }
    received += std::iter::from_fn(|| slow.try_recv().ok()).count();
    assert_eq!(received, 108);
}

#[test]
fn sources_that_do_not_lead_to_the_slow_sink_go_on() {
    for batch in [1, 7, 1024] {
        let clock = ManualClock::new();
        let waits = clock.clone();
        let (full, mut slow) = mpsc::channel(1);
        let fast = Cell::new(0);
        let mut run = pin!(
            graph! {
                rows = from_iter(0..100_u64);
                others = from_iter(0..500_u64);
                rows -> stuck;
                others -> async_map(move |row| { let nap = waits.sleep(1.micros()); async move { nap.await; row } }) -> for_each(|_| fast.set(fast.get() + 1));
                stuck = to_channel(full);
            }
            .batch(batch)
            .clock(clock.clone())
            .run()
        );
        loop {
            assert!(until_it_waits(run.as_mut()).is_pending());
            if !clock.jump() {
                break;
            }
        }
        assert_eq!(fast.get(), 500);
        let rows: Vec<u64> = std::iter::from_fn(|| {
            let _ = until_it_waits(run.as_mut()).is_pending();
            slow.try_recv().ok()
        })
        .take(99)
        .collect();
        assert_eq!(rows, Vec::from_iter(0..99));
    }
}

#[test]
fn i3_calls_that_have_ended_behind_a_slow_one_count_as_in_flight() {
    for batch in [1, 7, 1024] {
        let begun = Rc::new(Cell::new(0));
        let counted = Rc::clone(&begun);
        let mut run = pin!(
            graph! {
                rows = from_iter(0..10_000_u64);
                calls = async_map(move |row: u64| {
                    counted.set(counted.get() + 1);
                    async move {
                        if row == 3 {
                            std::future::pending::<()>().await;
                        }
                        row
                    }
                }).in_flight(16);
                rows -> calls -> for_each(|_| ());
            }
            .batch(batch)
            .run()
        );
        assert!(until_it_waits(run.as_mut()).is_pending());
        assert!(begun.get() <= 3 + 16, "batch {batch}: {} calls have begun", begun.get());
    }
}

#[test]
fn i2_calls_pass_a_slow_one_without_end_where_their_order_does_not_matter() {
    // What has passed it is not looked through again: in quadratic time this would take for ever.
    const ROWS: u64 = 100_000;
    let passed = Cell::new(0);
    let mut run = pin!(
        graph! {
            rows = from_iter(0..ROWS);
            calls = async_map(|row: u64| async move {
                if row == 3 {
                    std::future::pending::<()>().await;
                }
                row
            }).in_flight(16).unordered();
            rows -> calls -> for_each(|_| passed.set(passed.get() + 1));
        }
        .run()
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(passed.get(), ROWS - 1);
}

#[test]
fn j2_an_edge_that_drops_the_oldest_rows_of_a_timed_stream_keeps_no_more_than_its_room() {
    let (full, mut slow) = mpsc::channel(1);
    let held = Arc::new(AtomicU64::new(0));
    let most = Arc::clone(&held);
    let (send, rows) = mpsc::channel(1);
    let mut run = pin!(
        graph! {
            rows = from_channel(rows);
            timed = event_time(micros, bounded(0.micros()));
            rows -> timed;
            #[cap(3, drop_oldest)]
            timed -> out;
            timed -> for_each(|row| _ = most.fetch_max(row.cast_unsigned(), Ordering::Relaxed));
            out = to_channel(full);
        }
        .batch(1)
        .run()
    );
    for row in 0..5_000_i64 {
        send.try_send(row).expect("there is room");
        assert!(until_it_waits(run.as_mut()).is_pending());
    }
    assert_eq!(held.load(Ordering::Relaxed), 4_999);
    drop(send);
    let mut received = Vec::new();
    while until_it_waits(run.as_mut()).is_pending() {
        received.push(slow.try_recv().expect("it waits for room"));
    }
    received.extend(std::iter::from_fn(|| slow.try_recv().ok()));
    assert_eq!(received[received.len() - 3..], [4_997, 4_998, 4_999]);
    assert!(received.len() <= 3 + 2, "{received:?}");
}

/// A graph with every kind of chance: several sources, windows, calls that wait by the clock.
fn shown(seed: u64, batch: usize) -> (String, Vec<String>) {
    let clock = ManualClock::new();
    let (first, second) = (clock.clone(), clock.clone());
    let graph = graph! {
        a = from_iter((0..60_i64).map(|row| row * 2));
        b = from_stream(futures::stream::iter((0..60_i64).map(|row| row * 3 % 100)));
        c = from_iter((0..30_i64).rev());
        slept = async_map(move |row: i64| { let nap = first.sleep((row * 37 % 11).micros()); async move { nap.await; row } }).in_flight(5);
        unordered = async_map(move |row: i64| { let nap = second.sleep((row * 13 % 7).micros()); async move { nap.await; row } }).unordered();
        tens = tumbling(10.micros()).fold(Vec::new, |rows: &mut Vec<i64>, row| rows.push(row));
        a -> slept;
        b -> unordered;
        [slept, unordered, c] -> all;
        // So far behind that nothing is late, in whatever order it comes.
        all -> event_time(micros, bounded(1.hours())) -> key_by(|row| row % 2) -> tens
            -> map(|pane| (pane.value.window.start.micros(), pane.key, pane.value.value)) -> panes;
        all = inspect(|_| ());
        all -> rows;
        tens.late -> discard;
        panes = collect();
        rows = collect();
    };
    let result = testing::run(graph.batch(batch), clock, seed).expect("nothing fails");
    result.assert_conserved();
    let mut consolidated: Vec<String> = result
        .panes
        .iter()
        .map(|(start, key, rows)| {
            let mut rows = rows.clone();
            rows.sort_unstable();
            format!("{start} {key} {rows:?}")
        })
        .collect();
    consolidated.sort_unstable();
    (format!("{:?}\n{:?}\n{}", result.panes, result.rows, result.report()), consolidated)
}

#[test]
fn k10_a_seed_gives_the_same_bytes_and_any_seed_the_same_rows_in_each_closed_window() {
    let (_, expected) = shown(0, 1);
    let mut kinds = std::collections::BTreeSet::new();
    for batch in [1, 7, 1024] {
        for seed in 0..40 {
            let (bytes, consolidated) = shown(seed, batch);
            assert_eq!(
                (&bytes, &consolidated),
                (&shown(seed, batch).0, &expected),
                "seed {seed}, batch {batch}"
            );
            kinds.insert(bytes);
        }
    }
    assert!(kinds.len() > 60, "seeds have an effect: {} of 120", kinds.len());
}

#[test]
fn a_stop_that_is_ready_at_once_ends_the_graph_before_a_row_is_taken() {
    let mut run = pin!(
        graph! {
            rows = from_iter(0..);
            rows -> out;
            out = collect();
        }
        .run_until(std::future::ready(()))
    );
    match until_it_waits(run.as_mut()) {
        Poll::Ready(Ok(result)) => assert_eq!(result.out, Vec::<i32>::new()),
        other => panic!("expected the end, found {:?}", other.map(|end| end.map(|_| ()))),
    }
}
