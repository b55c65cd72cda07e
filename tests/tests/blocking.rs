//! Functions that block: on which threads they run, how many at a time, in which order their results
//! come, and what becomes of panics and of calls that take too long (rules I1, I3, I4, K1).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use streamweave::Error;
use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::ManualClock;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[test]
fn i1_i3_so_many_calls_are_under_way_on_other_threads_and_results_keep_their_order() {
    let here = thread::current().id();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, peak) = (Arc::clone(&running), Arc::clone(&most));
    // Every call waits for three others, so four are under way together, or this does not end.
    let together = Arc::new(Barrier::new(4));
    let result = block_on(
        graph! {
            rows = from_iter(0..40_u64);
            rows -> blocking_map(move |x| {
                assert_ne!(thread::current().id(), here);
                peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                together.wait();
                count.fetch_sub(1, Ordering::SeqCst);
                x * 2
            }).in_flight(4) -> doubled;
            doubled = collect();
        }
        .batch(7)
        .run(),
    )
    .expect("it ends");
    result.assert_conserved();
    assert_eq!(result.doubled, Vec::from_iter((0..40).map(|x| x * 2)));
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[test]
fn k1_a_panic_on_another_thread_is_a_panic_of_the_node() {
    let outcome = block_on(
        graph! {
            rows = from_iter(0..40_u64);
            rows -> culprit -> halves;
            culprit = blocking_map(|x: u64| 100 / x.abs_diff(7));
            halves = collect();
        }
        .batch(4)
        .run(),
    );
    match outcome {
        Err(Error::Panicked(report)) => {
            assert_eq!(report.node, "culprit");
            assert!(report.message.contains("divide by zero"), "{report}");
            let location = report.location.as_deref().expect("the hook has seen it");
            assert!(location.contains("blocking.rs"), "{report}");
        }
        other => panic!("expected the panic, found {other:?}"),
    }
}

#[test]
fn a_function_that_fails_sends_its_input_to_err() {
    let result = block_on(
        graph! {
            texts  = from_iter(["1", "two", "3"]);
            parsed = blocking_try_map(|text: &'static str| text.parse::<u8>()).keep_input();
            texts -> parsed -> numbers;
            parsed.err -> map(|failed| failed.input) -> rest;
            numbers = collect();
            rest = collect();
        }
        .run(),
    )
    .expect("it ends");
    assert_eq!((result.numbers, result.rest), (vec![1, 3], vec!["two"]));
}

#[test]
fn i4_what_a_call_gives_after_its_timeout_is_dropped() {
    let clock = ManualClock::new();
    // A thread says that it has begun, and waits until it may go on.
    let (begin, begun): (Sender<u32>, Receiver<u32>) = channel();
    let (go, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let attempts = AtomicUsize::new(0);
    let (end, ended) = channel::<()>();
    let graph = graph! {
        rows  = from_iter(["only"]);
        asked = blocking_try_map(move |row: &'static str| {
            let attempt = attempts.fetch_add(1, Ordering::SeqCst) as u32 + 1;
            begin.send(attempt).expect("the test listens");
            if attempt == 1 {
                gate.lock().expect("no panic").recv().expect("the test lets it go");
                end.send(()).expect("the test listens");
            }
            Ok::<_, String>((row, attempt))
        }).timeout(1.minutes()).retry(Retry::times(1).backoff(1.secs()));
        rows -> asked -> answered;
        asked.err -> failed;
        answered = collect();
        failed = collect();
    }
    .clock(clock.clone());
    let driver = thread::spawn(move || {
        assert_eq!(begun.recv(), Ok(1));
        clock.advance(1.minutes());
        // The retry has to be waited for by the clock before it can be moved on.
        while !clock.jump() {
            thread::yield_now();
        }
        assert_eq!(begun.recv(), Ok(2));
        go.send(()).expect("the first call waits");
        ended.recv().expect("it has ended");
    });
    let result = block_on(graph.run()).expect("it ends");
    driver.join().expect("the driver has checked");
    result.assert_conserved();
    assert_eq!(result.answered, [("only", 2)]);
    assert!(result.failed.is_empty());
}

#[node(blocking, in_flight = 2, keep_input)]
fn parse<T: std::str::FromStr<Err: Send + 'static> + Send + 'static>(text: String) -> Result<T, T::Err> {
    text.parse()
}

#[node(blocking)]
fn scaled(x: u64, #[param] by: u64) -> u64 {
    x * by
}

#[test]
fn a_function_that_blocks_is_a_node() {
    let result = block_on(
        graph! {
            texts  = from_iter(["1", "two", "3"]);
            parsed = parse::<u64>();
            texts -> map(String::from) -> parsed -> scaled(10) -> numbers;
            parsed.err -> map(|failed| failed.input) -> rest;
            numbers = collect();
            rest = collect();
        }
        .run(),
    )
    .expect("it ends");
    assert_eq!((result.numbers, result.rest), (vec![10, 30], vec!["two".to_owned()]));
}

#[test]
fn outside_a_runtime_calls_are_made_on_the_spot() {
    let here = thread::current().id();
    let graph = graph! {
        rows = from_iter(0..9);
        rows -> blocking_map(move |x| (thread::current().id() == here).then_some(x)) -> all;
        all = collect();
    };
    let result = testing::run(graph, ManualClock::new(), 3).expect("it ends");
    assert_eq!(result.all, Vec::from_iter((0..9).map(Some)));
}
