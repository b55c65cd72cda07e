//! Asynchronous nodes: how many calls are in flight, in which order results come, what frontiers
//! do, and that nothing is lost (rules I1 to I3, I6, A11).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Poll, Waker};

use streamweave::prelude::*;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Calls that end when the test says so; it says so when every call in flight waits.
#[derive(Clone, Default)]
struct Gate(Rc<RefCell<Calls>>);

#[derive(Default)]
struct Calls {
    waiting: Vec<(u64, Waker)>,
    open: Vec<u64>,
    in_flight: usize,
    most: usize,
}

impl Gate {
    async fn pass(self, x: u64) -> u64 {
        let most = {
            let mut calls = self.0.borrow_mut();
            calls.in_flight += 1;
            calls.most.max(calls.in_flight)
        };
        self.0.borrow_mut().most = most;
        std::future::poll_fn(|context| {
            let mut calls = self.0.borrow_mut();
            if let Some(at) = calls.open.iter().position(|open| *open == x) {
                calls.open.remove(at);
                calls.in_flight -= 1;
                return Poll::Ready(x);
            }
            calls.waiting.retain(|(other, _)| *other != x);
            calls.waiting.push((x, context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Lets the call end that `choose` picks of those that wait; false where none does.
    fn open_one(&self, choose: impl Fn(usize) -> usize) -> bool {
        let mut calls = self.0.borrow_mut();
        let count = calls.waiting.len();
        if count == 0 {
            return false;
        }
        let (x, waker) = calls.waiting.remove(choose(count));
        calls.open.push(x);
        drop(calls);
        waker.wake();
        true
    }
}

/// Runs a graph while calls end one by one, chosen by `seed`.
async fn drive<R>(graph: impl Future<Output = R>, gate: &Gate, seed: u64) -> R {
    let mut graph = std::pin::pin!(graph);
    let random = Cell::new(seed | 1);
    let choose = |count: usize| {
        let x = random.get();
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        random.set(x ^ (x << 17));
        (random.get() % count as u64) as usize
    };
    std::future::poll_fn(|context| {
        let outcome = graph.as_mut().poll(context);
        if outcome.is_pending() {
            gate.open_one(choose);
        }
        outcome
    })
    .await
}

fn passed(seed: u64, batch: usize, in_flight: usize, ordered: bool) -> (Vec<u64>, usize) {
    let gate = Gate::default();
    let calls = gate.clone();
    let call = move |x: u64| calls.clone().pass(x);
    let run = async {
        let result = if ordered {
            let graph = graph! {
                numbers = from_iter(0..50_u64);
                numbers -> async_map(call).in_flight(in_flight) -> passed;
                passed = collect();
            };
            let result = drive(graph.batch(batch).run(), &gate, seed).await.expect("it ends");
            result.assert_conserved();
            result.passed
        } else {
            let graph = graph! {
                numbers = from_iter(0..50_u64);
                numbers -> async_map(call).in_flight(in_flight).unordered() -> passed;
                passed = collect();
            };
            let result = drive(graph.batch(batch).run(), &gate, seed).await.expect("it ends");
            result.assert_conserved();
            result.passed
        };
        let most = gate.0.borrow().most;
        (result, most)
    };
    block_on(run)
}

#[test]
fn i1_results_come_in_the_order_of_the_rows_whatever_the_order_of_the_ends() {
    for seed in 0..50 {
        for batch in [1, 7, 1024] {
            assert_eq!(passed(seed, batch, 8, true).0, Vec::from_iter(0..50), "seed {seed}, batch {batch}");
        }
    }
}

#[test]
fn i2_unordered_results_come_as_calls_end_and_none_is_lost() {
    let mut reordered = 0;
    for seed in 0..50 {
        let (mut rows, _) = passed(seed, 1024, 8, false);
        reordered += usize::from(!rows.is_sorted());
        rows.sort_unstable();
        assert_eq!(rows, Vec::from_iter(0..50));
    }
    assert!(reordered > 40, "calls ended out of order in {reordered} of 50 runs");
}

#[test]
fn i3_no_more_calls_are_in_flight_than_allowed() {
    for in_flight in [1, 3, 64] {
        for batch in [1, 7, 1024] {
            let (_, most) = passed(7, batch, in_flight, true);
            assert!(most <= in_flight, "{most} in flight of {in_flight}");
            assert!(most >= in_flight.min(3), "{most} in flight of {in_flight}, batch {batch}");
        }
    }
}

#[node(in_flight = 4, unordered)]
async fn check(x: u64, #[param] limit: u64) -> Result<u64, String> {
    if x < limit { Ok(x) } else { Err(format!("{x} is too much")) }
}

#[test]
fn an_asynchronous_node_has_an_err_port_and_sends_it_what_failed() {
    let result = block_on(
        graph! {
            numbers = from_iter([1, 5, 9_u64]);
            checked = check(6);
            numbers -> checked -> good;
            checked.err -> map(|failed| failed.error) -> bad;
            good = collect();
            bad = collect();
        }
        .run(),
    )
    .expect("it ends");
    assert_eq!(result.good, [1, 5]);
    assert_eq!(result.bad, ["9 is too much"]);
    result.assert_conserved();
}

#[test]
fn a11_a_frontier_does_not_overtake_a_call_so_no_row_becomes_late() {
    for seed in 0..20 {
        let gate = Gate::default();
        let calls = gate.clone();
        let graph = graph! {
            numbers = from_iter(0..60_u64);
            numbers -> event_time(|x| EventTime::from_micros(*x as i64), bounded(0.micros()))
                -> async_map(move |x| calls.clone().pass(x)).in_flight(16).unordered()
                -> key_by(|_| ()) -> counts -> map(|pane| pane.value.value) -> panes;
            counts = tumbling(10.micros()).aggregate(Count::new);
            counts.late -> discard;
            panes = collect();
        };
        let result = block_on(drive(graph.run(), &gate, seed)).expect("it ends");
        assert_eq!(result.panes, [10; 6], "seed {seed}");
    }
}

#[test]
fn i6_a_graph_that_drains_waits_for_its_calls() {
    let gate = Gate::default();
    let calls = gate.clone();
    let graph = graph! {
        numbers = from_iter(0..);
        numbers -> async_map(move |x: u64| calls.clone().pass(x)).in_flight(4) -> passed;
        passed = collect();
    };
    let stop = {
        let gate = gate.clone();
        std::future::poll_fn(
            move |_| if gate.0.borrow().in_flight == 4 { Poll::Ready(()) } else { Poll::Pending },
        )
    };
    let result = block_on(drive(graph.batch(8).run_until(stop), &gate, 3)).expect("it drains");
    assert!(result.passed.len() >= 4);
    assert_eq!(result.passed, Vec::from_iter(0..result.passed.len() as u64));
    assert_eq!(
        result.report().node("numbers").map(|n| n.emitted_on("out")),
        Some(result.passed.len() as u64)
    );
}
