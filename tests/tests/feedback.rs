//! Rule G12: circles that are no fixed point, closed by `#[feedback(..)]`: what goes round, what is dropped, when the frontier moves
//! and when the stream ends (with A11, Z1, Z2, J2 and J6).

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use streamweave::Error;
use streamweave::envelope::Timed;
use streamweave::graph::Report;
use streamweave::prelude::*;
use streamweave::time::{Frontier, ManualClock};
use streamweave_tests::random::Random;
use streamweave_tests::{BATCHES, finish, until_it_waits};
use tokio::sync::{mpsc, oneshot};

/// A piece of work: its number, and how often it fails before it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Work {
    number: u64,
    fails: u64,
}

fn work(rows: u64, fails: impl Fn(u64) -> u64) -> Vec<Work> {
    (0..rows).map(|number| Work { number, fails: fails(number) }).collect()
}

/// Fails with what is left to do.
fn attempt(work: Work) -> Result<u64, Work> {
    match work.fails {
        0 => Ok(work.number),
        fails => Err(Work { fails: fails - 1, ..work }),
    }
}

/// The same after having been asked again a few times.
async fn call(work: Work) -> Result<u64, Work> {
    for _ in 0..(work.number * 7 + work.fails * 3) % 5 {
        tokio::task::yield_now().await;
    }
    attempt(work)
}

/// How many rows the arrow back to `to` dropped.
fn dropped(report: &Report, to: &str) -> u64 {
    report.node(&format!("{to}.feedback")).expect("the arrow that goes back").filtered
}

#[test]
fn g12_a_row_goes_round_until_it_succeeds_before_the_next_comes_in() {
    let works = work(3_000, |number| number % 4);
    let expected: Vec<u64> = (0..3_000).collect();
    for batch in BATCHES {
        let result = finish(
            graph! {
                works = from_iter(works.clone());
                tried = try_map(attempt);
                again = map(|failed: Failed<(), Work>| failed.error);
                works -> tried -> done;
                tried.err -> again;
                #[feedback(1, drop_newest)]
                again -> tried;
                done = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_eq!(result.done, expected, "batch {batch}");
        result.assert_conserved();
        let back = result.report().node("tried.feedback").expect("it is there");
        assert_eq!((back.received, back.absorbed, back.filtered), (4_500, 4_500, 0));
        let entrance = result.report().node("merge").expect("it is there");
        assert_eq!((entrance.received, entrance.emitted_on("out")), (3_000, 7_500));
    }
}

/// Each row above 9 becomes four that go round; the result, and how many were dropped.
macro_rules! four_go_round {
    ($batch:expr, $rows:literal, $overflow:ident) => {{
        let result = finish(
            graph! {
                rows = from_iter([10, 20, 5, 30]);
                grown = flat_map(|n: i32| if n > 9 { vec![1, 2, 3, 4] } else { vec![n + 100] });
                split = partition(|n| *n < 10);
                rows -> grown -> split;
                #[feedback($rows, $overflow)]
                split.matching -> grown;
                split.rest -> ends;
                ends = collect();
            }
            .batch($batch)
            .run(),
        );
        result.assert_conserved();
        let dropped = dropped(result.report(), "grown");
        (result.ends, dropped)
    }};
}

#[test]
fn g12_a_full_buffer_drops_what_its_policy_says() {
    for batch in BATCHES {
        let expected = |kept: &[i32]| {
            let round: Vec<i32> = kept.iter().map(|n| n + 100).collect();
            let ends = [&round[..], &round, &[105], &round].concat();
            (ends, 3 * (4 - kept.len() as u64))
        };
        assert_eq!(four_go_round!(batch, 2, drop_newest), expected(&[1, 2]), "batch {batch}");
        assert_eq!(four_go_round!(batch, 2, drop_oldest), expected(&[3, 4]), "batch {batch}");
        assert_eq!(four_go_round!(batch, 2, conflate), expected(&[4]), "batch {batch}");
        assert_eq!(four_go_round!(batch, 1, drop_newest), expected(&[1]), "batch {batch}");
        assert_eq!(four_go_round!(batch, 1, drop_oldest), expected(&[4]), "batch {batch}");
        assert_eq!(four_go_round!(batch, 4, drop_oldest), expected(&[1, 2, 3, 4]), "batch {batch}");
    }
}

/// A retry loop around calls; what was done, and how many were dropped.
fn retried(works: &[Work], batch: usize, in_flight: usize, rows: usize, ordered: bool) -> (Vec<u64>, u64) {
    macro_rules! retried {
        ($calls:expr) => {
            finish(
                graph! {
                    works = from_iter(works.to_vec());
                    tried = $calls;
                    again = map(|failed: Failed<(), Work>| failed.error);
                    works -> tried -> done;
                    tried.err -> again;
                    #[feedback(rows, drop_newest)]
                    again -> tried;
                    done = collect();
                }
                .batch(batch)
                .run(),
            )
        };
    }
    if ordered {
        let result = retried!(async_try_map(call).in_flight(in_flight));
        result.assert_conserved();
        let dropped = dropped(result.report(), "tried");
        (result.done, dropped)
    } else {
        let result = retried!(async_try_map(call).in_flight(in_flight).unordered());
        result.assert_conserved();
        let dropped = dropped(result.report(), "tried");
        (result.done, dropped)
    }
}

#[test]
fn g12_calls_are_retried_and_none_is_lost_where_there_is_room_for_those_in_flight_and_one() {
    let works = work(500, |number| number * number % 6);
    for batch in BATCHES {
        for (in_flight, ordered) in [(1, true), (4, true), (4, false), (64, true), (64, false)] {
            let (mut done, dropped) = retried(&works, batch, in_flight, in_flight + 1, ordered);
            done.sort_unstable();
            assert_eq!((done, dropped), ((0..500).collect(), 0), "batch {batch}, {in_flight} in flight");
        }
    }
}

#[test]
fn z1_what_comes_of_a_circle_does_not_depend_on_where_batches_are_cut() {
    let run = |batch: usize| {
        let result = finish(
            graph! {
                numbers = from_iter(0..500_u64);
                timed = event_time(|n: &u64| at(*n as i64), bounded(3.secs()));
                grown = flat_map(|n: u64| (0..n * 7 % 4).map(move |k| (n + k) / 3));
                split = partition(|n| n % 5 < 3 && *n > 1);
                numbers -> timed -> grown -> split;
                #[feedback(3, drop_oldest)]
                split.matching -> grown;
                split.rest -> key_by(|n| n % 3) -> sums -> ends;
                sums = tumbling(7.secs()).aggregate(Count::new);
                sums.late -> discard;
                ends = collect();
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        let dropped = dropped(result.report(), "grown");
        (result.ends, dropped)
    };
    let expected = run(1);
    assert!(expected.1 > 0 && expected.0.len() > 50, "nothing was tested: {expected:?}");
    for batch in BATCHES {
        assert_eq!(run(batch), expected, "batch {batch}");
    }
}

#[test]
fn g12_room_for_one_row_drops_and_counts_and_never_hangs() {
    let works = work(400, |number| number % 5);
    for batch in BATCHES {
        for in_flight in [1, 2, 16] {
            let (done, dropped) = retried(&works, batch, in_flight, 1, true);
            assert_eq!(done.len() as u64 + dropped, 400, "batch {batch}, {in_flight} in flight");
            assert!(dropped > 0 || in_flight == 1, "nothing was tested");
        }
    }
}

/// Calls that end when the test says so, and as it says.
#[derive(Clone, Default)]
struct Gate(Rc<RefCell<Waiting>>);

#[derive(Default)]
struct Waiting {
    calls: Vec<(u64, Waker)>,
    ended: Vec<(u64, bool)>,
}

impl Gate {
    async fn pass(self, number: u64) -> Result<u64, u64> {
        poll_fn(|context| {
            let mut gate = self.0.borrow_mut();
            if let Some(at) = gate.ended.iter().position(|(ended, _)| *ended == number) {
                return Poll::Ready(if gate.ended.remove(at).1 { Ok(number) } else { Err(number) });
            }
            gate.calls.retain(|(other, _)| *other != number);
            gate.calls.push((number, context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Ends the call with this number.
    fn end(&self, number: u64, succeeds: bool) {
        let mut gate = self.0.borrow_mut();
        let at = gate.calls.iter().position(|(other, _)| *other == number).expect("it is in flight");
        let (_, waker) = gate.calls.remove(at);
        gate.ended.push((number, succeeds));
        drop(gate);
        waker.wake();
    }

    fn in_flight(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.0.borrow().calls.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers
    }
}

graph! {
    /// Calls at a gate; those that fail are made again.
    graph gated(rows: Timed<u64>; gate: Gate) -> (done: Timed<u64>) {
        tried = async_try_map(move |number: u64| gate.clone().pass(number)).in_flight(4);
        again = map(|failed: Failed<(), u64>| failed.error);
        rows -> tried -> done;
        tried.err -> again;
        #[feedback(5, drop_newest)]
        again -> tried;
    }
}

fn at(secs: i64) -> EventTime {
    EventTime::from_secs(secs)
}

#[test]
fn j6_the_end_is_handed_on_when_nothing_is_left_in_the_circle() {
    let gate = Gate::default();
    let mut graph = gated::harness(gate.clone());
    for number in 0..6 {
        graph.inputs.rows.send_at(number, at(0));
    }
    graph.inputs.rows.close();
    graph.settle();
    assert_eq!(gate.in_flight(), [0, 1, 2, 3]);
    for (number, succeeds) in [(0, false), (1, true), (2, false), (3, true), (4, true), (5, true)] {
        assert!(!graph.is_ended());
        gate.end(number, succeeds);
        graph.settle();
    }
    assert_eq!(gate.in_flight(), [0, 2]);
    for (number, succeeds) in [(0, false), (2, true), (0, false), (0, true)] {
        assert!(!graph.is_ended() && !graph.outputs.done.frontier().is_end());
        gate.end(number, succeeds);
        graph.settle();
    }
    assert_eq!(graph.outputs.done.take(), [1, 3, 4, 5, 2, 0]);
    assert!(graph.is_ended() && graph.outputs.done.frontier().is_end());
    graph.report().conserved().expect("the books balance");
}

#[test]
fn g12_the_frontier_holds_at_what_is_in_the_circle_and_moves_while_others_follow() {
    let gate = Gate::default();
    let mut graph = gated::harness(gate.clone());
    macro_rules! reached {
        () => {{
            graph.settle();
            graph.outputs.done.take();
            *graph.outputs.done.frontier()
        }};
    }
    graph.inputs.rows.send_at(0, at(3));
    graph.inputs.rows.advance_to(at(10));
    assert_eq!(reached!(), Frontier::start());
    // Round after round of the first row; others come in and succeed.
    for round in 1..5 {
        graph.inputs.rows.send_at(round, at(10 * round as i64));
        graph.inputs.rows.advance_to(at(10 * round as i64));
        graph.settle();
        gate.end(0, false);
        graph.settle();
        gate.end(round, true);
        assert!(!reached!().is_beyond(&Frontier::at(at(3))), "a row at 3 goes round");
    }
    assert_eq!(gate.in_flight(), [0]);
    // There is always a call in flight, and the frontier follows.
    for number in 5..50 {
        let time = 10 * number as i64;
        graph.inputs.rows.send_at(number, at(time));
        graph.inputs.rows.advance_to(at(time));
        graph.settle();
        gate.end(if number == 5 { 0 } else { number - 1 }, true);
        // The call of this row holds its own frontier.
        let before = if number == 5 { 3 } else { time - 10 };
        assert_eq!(reached!(), Frontier::at(at(before)), "row {number} is in flight");
        assert_eq!(gate.in_flight(), [number]);
        // It fails once: it is still there.
        gate.end(number, false);
        assert_eq!(reached!(), Frontier::at(at(time)));
    }
    gate.end(49, true);
    graph.inputs.rows.idle_at(at(500));
    assert_eq!(reached!(), Frontier::at(at(500)).idle());
    // Idle, until something comes, and goes round.
    graph.inputs.rows.advance_to(at(500));
    graph.inputs.rows.send_at(50, at(500));
    graph.inputs.rows.advance_to(at(501));
    assert!(!reached!().is_idle());
    gate.end(50, false);
    assert_eq!(reached!(), Frontier::at(at(500)));
    gate.end(50, true);
    assert_eq!(reached!(), Frontier::at(at(501)));
}

#[test]
fn a11_no_row_comes_out_of_a_circle_behind_the_frontier() {
    for seed in 0..40 {
        let gate = Gate::default();
        let mut graph = gated::harness(gate.clone());
        graph.seed(seed);
        let mut random = Random::new(seed);
        let (mut frontier, mut sent, mut done) = (0, 0, 0);
        let mut reached = Frontier::start();
        for step in 0..300 {
            if step < 150 && random.percent(40) {
                graph.inputs.rows.send_at(sent, at(frontier + random.between(0, 5)));
                sent += 1;
            } else if step < 150 && random.percent(40) {
                frontier += random.between(0, 4);
                graph.inputs.rows.advance_to(at(frontier));
            } else if let Some(number) = gate.in_flight().get(random.place(4)) {
                gate.end(*number, random.percent(60));
            }
            if step == 150 {
                graph.inputs.rows.close();
            }
            graph.settle();
            for message in graph.outputs.done.messages() {
                match message {
                    streamweave::envelope::Message::Row(row) => {
                        assert!(!reached.closes(&row.time), "seed {seed}: {row:?} is behind {reached:?}");
                        done += 1;
                    }
                    streamweave::envelope::Message::Frontier(frontier) => {
                        assert!(frontier.reaches(&reached), "seed {seed}: {frontier:?} after {reached:?}");
                        reached = frontier;
                    }
                }
            }
        }
        while let Some(number) = gate.in_flight().first() {
            gate.end(*number, true);
            graph.settle();
            done += graph.outputs.done.take().len() as u64;
        }
        assert!(graph.is_ended(), "seed {seed}");
        assert_eq!(done, sent, "seed {seed}");
    }
}

#[test]
fn g12_rows_that_go_round_are_in_their_windows() {
    let works = work(400, |number| number * 3 % 5);
    for batch in BATCHES {
        let result = finish(
            graph! {
                works = from_iter(works.clone());
                timed = event_time(|work: &Work| at(work.number as i64), bounded(2.secs()));
                tried = async_try_map(call).in_flight(8);
                again = map(|failed: Failed<(), Work>| failed.error);
                counts = tumbling(10.secs()).aggregate(Count::new);
                works -> timed -> tried -> key_by(|_| ()) -> counts -> map(|counted| counted.value.value) -> collected;
                tried.err -> again;
                #[feedback(9, drop_oldest)]
                again -> tried;
                counts.late -> late;
                collected = collect();
                late = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_eq!(result.collected, [10; 40], "batch {batch}");
        assert_eq!(result.late.len(), 0);
        result.assert_conserved();
    }
}

/// A call that takes a while.
async fn slowly(n: u32) -> u32 {
    for _ in 0..n % 4 {
        tokio::task::yield_now().await;
    }
    n
}

#[test]
fn g12_two_arrows_go_back_to_one_node_and_a_third_goes_around_both() {
    for batch in BATCHES {
        let result = finish(
            graph! {
                numbers = from_iter(0..200_u32);
                halved = map(|n: u32| n);
                called = async_map(slowly).in_flight(3);
                by_three = partition(|n| n % 3 == 1);
                by_two = partition(|n| n % 2 == 1);
                by_eight = partition(|n| *n > 8);
                numbers -> halved -> called -> by_three;
                by_three.matching -> minus_one;
                minus_one = map(|n| n - 1);
                by_three.rest -> by_two;
                by_two.matching -> less;
                less = map(|n| n - 1);
                by_two.rest -> by_eight;
                by_eight.matching -> half;
                half = map(|n| n / 2);
                by_eight.rest -> ends;
                #[feedback(20, drop_newest)]
                minus_one -> called;
                #[feedback(20, drop_newest)]
                less -> called;
                #[feedback(20, drop_newest)]
                half -> halved;
                ends = collect();
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        assert_eq!(result.ends.len(), 200, "batch {batch}");
        assert!(result.ends.iter().all(|n| n % 3 != 1 && n % 2 == 0 && *n <= 8), "batch {batch}");
    }
}

#[test]
fn g12_two_arrows_that_close_a_circle_together() {
    for batch in BATCHES {
        let result = finish(
            graph! {
                odd = from_iter([7_u32, 1]);
                even = from_iter([4_u32, 10]);
                down = map(|n: u32| n - 1);
                halved = map(|n: u32| n / 2);
                of_down = partition(|n| *n > 0);
                of_halved = partition(|n| *n > 0);
                odd -> down -> of_down;
                even -> halved -> of_halved;
                #[feedback(4, drop_newest)]
                of_down.matching -> halved;
                #[feedback(4, drop_newest)]
                of_halved.matching -> down;
                [of_down.rest, of_halved.rest] -> ends;
                ends = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_eq!(result.ends, [0; 4], "batch {batch}");
        result.assert_conserved();
    }
}

graph! {
    /// Attempts until one succeeds; how often it failed is told.
    graph until_done(rows: Work) -> (done: u64, failed: Work) {
        tried = async_try_map(call).in_flight(4);
        again = map(|failed: Failed<(), Work>| failed.error);
        rows -> tried -> done;
        tried.err -> again -> failed;
        #[feedback(5, drop_newest)]
        again -> tried;
    }
}

#[test]
fn g12_a_circle_in_a_graph_in_a_circle() {
    let works = work(100, |number| number % 3);
    for batch in BATCHES {
        let result = finish(
            graph! {
                works = from_iter(works.clone());
                inner = until_done();
                split = partition(|number| number % 7 == 6);
                once_more = map(|number| Work { number: number - 1, fails: 2 });
                works -> inner;
                inner.failed -> running_count() -> failures;
                inner.done -> split;
                split.matching -> once_more;
                #[feedback(10, drop_newest)]
                once_more -> inner;
                split.rest -> ends;
                ends = collect();
                failures = last();
            }
            .batch(batch)
            .run(),
        );
        let mut ends = result.ends.clone();
        ends.sort_unstable();
        let mut expected: Vec<u64> =
            (0..100).map(|number| if number % 7 == 6 { number - 1 } else { number }).collect();
        expected.sort_unstable();
        assert_eq!(ends, expected, "batch {batch}");
        assert_eq!(result.failures, Some(99 + 28), "batch {batch}");
        result.assert_conserved();
    }
}

#[test]
fn j6_the_end_waits_for_what_comes_into_the_circle_elsewhere() {
    let (send, receive) = mpsc::channel(10);
    let mut run = pin!(
        graph! {
            first = from_iter([3_u32, 5]);
            others = from_channel(receive);
            down = map(|n: u32| n.saturating_sub(2));
            split = partition(|n| *n > 0);
            first -> down;
            [down, others] -> split;
            #[feedback(8, drop_newest)]
            split.matching -> down;
            split.rest -> ends;
            ends = collect();
        }
        .run()
    );
    assert!(until_it_waits(run.as_mut()).is_pending(), "others may come");
    send.try_send(9).expect("there is room");
    assert!(until_it_waits(run.as_mut()).is_pending());
    send.try_send(4).expect("there is room");
    drop(send);
    let Poll::Ready(Ok(result)) = until_it_waits(run.as_mut()) else { panic!("it ends") };
    assert_eq!(result.ends, [0; 4]);
    result.assert_conserved();
}

#[test]
fn g12_what_a_node_gives_up_at_its_end_is_late_and_counted() {
    for size in BATCHES {
        let result = finish(
            graph! {
                numbers = from_iter(1..=7_u32);
                grouped = batch(3);
                sums = map(|group: Vec<u32>| group.iter().sum::<u32>());
                split = partition(|n| *n < 10);
                numbers -> grouped -> sums -> split;
                #[feedback(8, drop_newest)]
                split.matching -> grouped;
                split.rest -> ends;
                ends = collect();
            }
            .batch(size)
            .run(),
        );
        // 1, 2, 3 make 6, which goes round; 6, 4, 5 and then 6, 7 are added up, of which two are the last.
        assert_eq!(result.ends, [15, 13], "batch {size}");
        result.assert_conserved();
    }
    let result = finish(
        graph! {
            numbers = from_iter(1..=2_u32);
            grouped = batch(3);
            numbers -> grouped -> sums;
            sums = map(|group: Vec<u32>| group.iter().sum::<u32>());
            #[feedback(8, drop_newest)]
            sums -> grouped;
        }
        .run(),
    );
    assert_eq!(result.report().node("grouped.feedback").map(|node| (node.received, node.late)), Some((1, 1)));
    result.assert_conserved();
}

#[test]
fn g12_a_drain_ends_when_the_circle_is_quiet() {
    let (stop, stopped) = oneshot::channel::<()>();
    let (send, receive) = mpsc::channel(10);
    let gate = Gate::default();
    let calls = gate.clone();
    let mut run = pin!(
        graph! {
            rows = from_channel(receive);
            tried = async_try_map(move |number: u64| calls.clone().pass(number));
            again = map(|failed: Failed<(), u64>| failed.error);
            rows -> tried -> done;
            tried.err -> again;
            #[feedback(8, drop_newest)]
            again -> tried;
            done = collect();
        }
        .run_until(async { _ = stopped.await })
    );
    for number in 0..3 {
        send.try_send(number).expect("there is room");
    }
    assert!(until_it_waits(run.as_mut()).is_pending());
    gate.end(1, false);
    stop.send(()).expect("it runs");
    for (number, succeeds) in [(0, false), (2, true), (1, true), (0, false)] {
        assert!(until_it_waits(run.as_mut()).is_pending());
        gate.end(number, succeeds);
    }
    assert!(until_it_waits(run.as_mut()).is_pending());
    gate.end(0, true);
    let Poll::Ready(Ok(result)) = until_it_waits(run.as_mut()) else { panic!("it ends") };
    assert_eq!(result.done, [2, 1, 0]);
    result.assert_conserved();
}

#[test]
fn j8_a_drain_of_a_circle_that_never_is_quiet_ends_at_its_deadline_and_names_it() {
    let clock = ManualClock::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut run = pin!(
        graph! {
            rows = from_iter([1]);
            round = map(|n: i32| n);
            rows -> round;
            #[feedback(1, drop_newest)]
            round -> round;
        }
        .clock(clock.clone())
        .drain_within(5.secs())
        .run_until(async { _ = stopped.await })
    );
    let mut poll = || run.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()));
    assert!((0..10).all(|_| poll().is_pending()), "it lets others run");
    stop.send(()).expect("it runs");
    assert!((0..10).all(|_| poll().is_pending()));
    clock.advance(5.secs());
    let stuck = (0..1_000).find_map(|_| match poll() {
        Poll::Ready(Err(Error::Stuck { stuck, .. })) => Some(stuck),
        Poll::Ready(other) => panic!("expected the deadline, found {:?}", other.map(|_| ())),
        Poll::Pending => None,
    });
    let stuck = stuck.expect("the deadline has passed");
    assert!(stuck.contains("merge: "), "{stuck}");
}

#[test]
fn g12_a_handle_that_is_dropped_ends_a_circle_that_never_would() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let token = std::sync::Arc::new(());
    let held = std::sync::Arc::clone(&token);
    runtime.block_on(async {
        let running = graph! {
            rows = from_iter([1]);
            round = async_map(move |n: i32| { let _ = &held; async move { tokio::task::yield_now().await; n } });
            rows -> round;
            #[feedback(2, drop_newest)]
            round -> round;
        }
        .spawn();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        drop(running);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(std::sync::Arc::strong_count(&token), 1, "the graph is still there");
    });
}

#[test]
fn j1_a_slow_sink_holds_a_circle_back_and_nothing_is_dropped() {
    let works = work(200, |number| number % 3);
    for batch in BATCHES {
        let (send, mut receive) = mpsc::channel(1);
        let mut run = pin!(
            graph! {
                works = from_iter(works.clone());
                tried = async_try_map(call).in_flight(4);
                again = map(|failed: Failed<(), Work>| failed.error);
                works -> tried -> to_channel(send);
                tried.err -> again;
                #[feedback(5, drop_newest)]
                again -> tried;
            }
            .batch(batch)
            .run()
        );
        let mut received = Vec::new();
        let result = loop {
            let polled = until_it_waits(run.as_mut());
            received.extend(receive.try_recv());
            if let Poll::Ready(result) = polled {
                break result.expect("it ends");
            }
        };
        received.extend(std::iter::from_fn(|| receive.try_recv().ok()));
        received.sort_unstable();
        assert_eq!(received, Vec::from_iter(0..200), "batch {batch}");
        result.assert_conserved();
    }
}

#[test]
fn g12_rows_that_multiply_are_dropped_and_do_not_pile_up() {
    let result = finish(
        graph! {
            rows = from_iter([0_u32]);
            called = async_map(slowly).in_flight(3);
            twice = flat_map(|n| if n < 20 { vec![n + 1, n + 1] } else { vec![] });
            rows -> called -> twice;
            #[feedback(16, drop_oldest)]
            twice -> called;
        }
        .run(),
    );
    result.assert_conserved();
    assert!(dropped(result.report(), "called") > 0);
}

#[test]
fn g12_a_circle_without_room_is_refused() {
    let run = graph! {
        rows = from_iter([1]);
        round = filter(|n: &i32| *n > 1);
        rows -> round;
        #[feedback(0, drop_newest)]
        round -> round;
    }
    .run();
    let Poll::Ready(Err(error)) = until_it_waits(pin!(run)) else { panic!("it is refused") };
    assert!(error.to_string().contains("room for at least one row"), "{error}");
}
