//! Asynchronous nodes: how many calls are in flight, in which order results come, what frontiers
//! do, how calls are timed and made again, and that nothing is lost (rules I1 to I4, I6, A11).
//!
//! Two worlds to call: a [`Gate`] whose calls end when the test says so, and a [`Service`] that is slow
//! and flaky by a seed, under a clock that is moved by hand, and of which an oracle knows what comes of
//! each row.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use streamweave::Error;
use streamweave::operator::GivesOrFails;
use streamweave::operator::asynchronous::{Always, AsyncCalls, Call, Guarded, Keeps};
use streamweave::port::Edge;
use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::{Clock, ManualClock, Timestamp};
use streamweave_tests::random::Random;
use tokio::sync::mpsc;

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

/// How long a call of the service may take, in milliseconds.
const TIMEOUT: i64 = 8;

/// How a service is called.
#[derive(Clone, Copy, Debug)]
struct Plan {
    in_flight: usize,
    unordered: bool,
    times: u32,
    retry: Retry,
    batch: usize,
}

impl Plan {
    fn drawn(seed: u64) -> Plan {
        let mut random = Random::new(seed);
        let times = random.below(4) as u32;
        let backoff = i64::from(random.below(4) as u32);
        let retry = Retry::times(times).backoff(backoff.millis()).factor(1 + random.below(3) as u32);
        let retry = retry.at_most(20.millis());
        Plan {
            in_flight: 1 + random.place(12),
            unordered: random.percent(50),
            times,
            retry: if random.percent(30) { retry.jitter(seed) } else { retry },
            batch: random.pick(&[1, 7, 1024]),
        }
    }
}

/// What comes of a row, after how many calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Answered(u32),
    Refused(u32),
    Late(u32),
}

/// A service that is slow and flaky, by a seed.
#[derive(Clone)]
struct Service(Rc<Counted>);

struct Counted {
    seed: u64,
    times: u32,
    clock: ManualClock,
    /// When the calls for each row were made, in microseconds.
    calls: RefCell<BTreeMap<u64, Vec<i64>>>,
    running: Cell<usize>,
    /// Rows that were called for and whose last call has not ended.
    begun: Cell<usize>,
    most: Cell<usize>,
}

/// A call that is being made.
struct Running<'a> {
    service: &'a Counted,
    is_last: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.service.running.set(self.service.running.get() - 1);
        self.service.begun.set(self.service.begun.get() - usize::from(self.is_last));
    }
}

impl Service {
    fn new(seed: u64, times: u32, clock: &ManualClock) -> Service {
        Service(Rc::new(Counted {
            seed,
            times,
            clock: clock.clone(),
            calls: RefCell::default(),
            running: Cell::default(),
            begun: Cell::default(),
            most: Cell::default(),
        }))
    }

    /// How long a call takes, and whether it is answered. Many take as long as they may to the
    /// microsecond, a little less, and a little more.
    fn draw(&self, x: u64, call: u32) -> (TimeDelta, bool) {
        let mut random = Random::new(self.0.seed ^ (x << 8) ^ u64::from(call));
        random.bits();
        let exact = TIMEOUT.millis().micros();
        let long = match random.below(8) {
            0 => 0,
            1 => exact - 1,
            2 => exact,
            3 => exact + 1,
            4 => 1_000 * exact,
            _ => random.between(1, exact),
        };
        (long.micros(), random.percent(60))
    }

    async fn ask(self, x: u64) -> Result<u64, String> {
        let call = {
            let mut calls = self.0.calls.borrow_mut();
            let calls = calls.entry(x).or_default();
            calls.push(self.0.clock.clone().now().micros());
            calls.len() as u32
        };
        let service = &*self.0;
        service.begun.set(service.begun.get() + usize::from(call == 1));
        service.running.set(service.running.get() + 1);
        service.most.set(service.most.get().max(service.begun.get()));
        let (long, answered) = self.draw(x, call);
        // Which calls will be made is not up to the service; that this one is the last is the oracle's word.
        let _running = Running { service, is_last: self.fate(x, service.times).calls() == call };
        if long > TimeDelta::ZERO {
            service.clock.sleep(long).await;
        }
        if answered { Ok(x) } else { Err(format!("{x} is refused")) }
    }

    /// The oracle: a call that ends by its deadline has ended.
    fn fate(&self, x: u64, times: u32) -> Fate {
        let ends = |call| match self.draw(x, call) {
            (long, _) if long > TIMEOUT.millis() => Fate::Late(call),
            (_, true) => Fate::Answered(call),
            (_, false) => Fate::Refused(call),
        };
        let answered = (1..=times).map(ends).find(|fate| matches!(fate, Fate::Answered(_)));
        answered.unwrap_or_else(|| ends(times + 1))
    }
}

impl Fate {
    fn calls(&self) -> u32 {
        match self {
            Fate::Answered(calls) | Fate::Refused(calls) | Fate::Late(calls) => *calls,
        }
    }

    fn of(error: &CallError<String>) -> Fate {
        match error {
            CallError::Failed { attempts, .. } => Fate::Refused(*attempts),
            CallError::TimedOut { attempts, after, .. } => {
                assert_eq!(*after, TIMEOUT.millis());
                Fate::Late(*attempts)
            }
            other => panic!("{other}"),
        }
    }
}

/// An operator that asks the service as the plan has it.
fn asked<T: Timestamp>(
    _input: Edge<u64, T>,
    service: &Service,
    plan: Plan,
) -> AsyncCalls<
    u64,
    impl Call<u64, Output = Result<u64, String>>,
    GivesOrFails<u64, String>,
    Guarded<Always>,
    Keeps<u64>,
> {
    let service = service.clone();
    let calls = AsyncCalls::new(move |x| service.clone().ask(x), GivesOrFails::new());
    let calls = calls.in_flight(plan.in_flight).timeout(TIMEOUT.millis()).retry(plan.retry).keep_input();
    if plan.unordered { calls.unordered() } else { calls }
}

/// What a run of so many rows came to: those answered, and those not, each in the order of its port.
struct Came {
    answered: Vec<u64>,
    failed: Vec<(u64, Fate)>,
    service: Service,
}

const ROWS: u64 = 40;

fn run(seed: u64, plan: Plan) -> Came {
    let clock = ManualClock::new();
    let service = Service::new(seed, plan.times, &clock);
    let graph = graph! {
        rows  = from_iter(0..ROWS);
        asked = asked(&service, plan);
        rows -> asked -> answered;
        asked.err -> map(|failed| (failed.input, Fate::of(&failed.error))) -> failed;
        answered = collect();
        failed = collect();
    };
    let result = testing::run(graph.batch(plan.batch), clock, seed).expect("it ends");
    result.assert_conserved();
    Came { answered: result.answered, failed: result.failed, service }
}

/// What is to come of the rows.
fn expected(service: &Service, times: u32) -> (Vec<u64>, Vec<(u64, Fate)>) {
    let fates = (0..ROWS).map(|x| (x, service.fate(x, times)));
    let (answered, failed): (Vec<_>, Vec<_>) = fates.partition(|(_, fate)| matches!(fate, Fate::Answered(_)));
    (answered.into_iter().map(|(x, _)| x).collect(), failed)
}

#[test]
fn i1_rows_that_are_tried_again_keep_their_place_in_the_order() {
    for seed in 0..200 {
        let plan = Plan { unordered: false, ..Plan::drawn(seed) };
        let came = run(seed, plan);
        let (answered, failed) = expected(&came.service, plan.times);
        assert_eq!(came.answered, answered, "seed {seed}, {plan:?}");
        assert_eq!(came.failed, failed, "seed {seed}, {plan:?}");
    }
}

#[test]
fn i2_unordered_rows_overtake_those_that_are_tried_again_and_none_is_lost() {
    let mut overtaken = 0;
    for seed in 0..200 {
        let plan = Plan { unordered: true, in_flight: 8, ..Plan::drawn(seed) };
        let mut came = run(seed, plan);
        overtaken += usize::from(!came.answered.is_sorted());
        came.answered.sort_unstable();
        came.failed.sort_unstable();
        assert_eq!(
            (came.answered, came.failed),
            expected(&came.service, plan.times),
            "seed {seed}, {plan:?}"
        );
    }
    assert!(overtaken > 150, "rows overtook others in {overtaken} of 200 runs");
}

#[test]
fn i3_a_row_that_waits_for_its_next_call_is_in_flight() {
    let mut full = 0;
    for seed in 0..200 {
        let plan = Plan::drawn(seed);
        let came = run(seed, plan);
        let most = came.service.0.most.get();
        assert!(most <= plan.in_flight, "{most} in flight, seed {seed}, {plan:?}");
        full += usize::from(most == plan.in_flight);
        assert_eq!((came.service.0.begun.get(), came.service.0.running.get()), (0, 0));
    }
    assert!(full > 150, "all places were taken in {full} of 200 runs");
}

#[test]
fn i4_a_timeout_and_a_retry_that_race_give_exactly_one_outcome() {
    for seed in 0..300 {
        // Retries at once, so that they come at the same instant as the deadlines of others.
        let plan = Plan::drawn(seed);
        let plan = Plan { retry: plan.retry.backoff(0.millis()), in_flight: 8, ..plan };
        let came = run(seed, plan);
        let mut rows: Vec<u64> = came.answered.clone();
        rows.extend(came.failed.iter().map(|(x, _)| x));
        rows.sort_unstable();
        assert_eq!(rows, Vec::from_iter(0..ROWS), "seed {seed}, {plan:?}");
        let calls = came.service.0.calls.borrow();
        for x in 0..ROWS {
            let made = calls[&x].len() as u32;
            assert_eq!(made, came.service.fate(x, plan.times).calls(), "row {x}, seed {seed}, {plan:?}");
        }
    }
}

#[test]
fn retries_come_when_they_are_due_by_the_clock_of_the_graph() {
    for seed in 0..50 {
        let plan = Plan::drawn(seed);
        let came = run(seed, plan);
        for (&x, times) in &*came.service.0.calls.borrow() {
            for (call, pair) in (1..).zip(times.windows(2)) {
                let took = came.service.draw(x, call).0.min(TIMEOUT.millis());
                // Rows come to an ordered or an unordered node alike in the order of their numbers.
                let due = pair[0] + took.micros() + plan.retry.delay(x, call).micros();
                assert_eq!(pair[1], due, "row {x}, seed {seed}, {plan:?}");
            }
        }
    }
}

#[test]
fn k10_the_same_seed_makes_the_same_calls_at_the_same_times() {
    let calls = |seed| {
        let plan = Plan { retry: Retry::times(3).backoff(2.millis()).jitter(9), times: 3, ..Plan::drawn(5) };
        let came = run(seed, plan);
        (came.answered, came.failed, came.service.0.calls.take())
    };
    assert_eq!(calls(1), calls(1));
    assert_ne!(calls(1), calls(2));
}

#[test]
fn a11_no_row_becomes_late_behind_calls_that_are_made_again() {
    for seed in 0..100 {
        let plan = Plan { in_flight: 16, ..Plan::drawn(seed) };
        let clock = ManualClock::new();
        let service = Service::new(seed, plan.times, &clock);
        let graph = graph! {
            rows = from_iter(0..ROWS);
            timed = event_time(|x| EventTime::from_micros(*x as i64), bounded(0.micros()));
            asked = asked(&service, plan);
            rows -> timed -> asked -> key_by(|_| ()) -> outs -> map(|pane| pane.value.value) -> answered;
            asked.err -> key_by(|_| ()) -> errs -> map(|pane| pane.value.value) -> failed;
            outs = tumbling(10.micros()).aggregate(Count::new);
            errs = tumbling(10.micros()).aggregate(Count::new);
            outs.late -> for_each(|late| panic!("{late:?}"));
            errs.late -> for_each(|late| panic!("{late:?}"));
            answered = collect();
            failed = collect();
        };
        let result = testing::run(graph.batch(plan.batch), clock, seed).expect("it ends");
        result.assert_conserved();
        let (answered, failed) = expected(&service, plan.times);
        let panes = |rows: Vec<u64>| {
            let count = |pane| rows.iter().filter(|x| **x / 10 == pane).count() as u64;
            (0..4).map(count).filter(|count| *count > 0).collect::<Vec<_>>()
        };
        assert_eq!(result.answered, panes(answered), "seed {seed}");
        assert_eq!(result.failed, panes(failed.into_iter().map(|(x, _)| x).collect()), "seed {seed}");
    }
}

/// A future that is polled by hand, under a clock that jumps when nothing else is to be done.
struct ByHand<F>(Pin<Box<F>>, ManualClock);

impl<F: Future> ByHand<F> {
    /// Runs it as far as it comes until the clock has been moved so often; `None` where it has not ended.
    fn run(&mut self, jumps: usize) -> Option<F::Output> {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..=jumps {
            // Spurious wake-ups do no harm; whatever is woken at once has been seen after a few.
            for _ in 0..100 {
                if let Poll::Ready(output) = self.0.as_mut().poll(&mut context) {
                    return Some(output);
                }
            }
            self.1.jump();
        }
        None
    }
}

#[test]
fn i6_cancellation_on_drain_or_abort_drops_no_acked_row() {
    for seed in 0..100 {
        let plan = Plan::drawn(seed);
        for drains in [true, false] {
            let clock = ManualClock::new();
            let service = Service::new(seed, plan.times, &clock);
            let (came, stopping) = (RefCell::new(Vec::new()), Cell::new(false));
            let (on_out, on_err, stop) = (&came, &came, &stopping);
            let graph = graph! {
                rows  = from_iter(0..);
                asked = asked(&service, plan);
                rows -> asked -> for_each(move |x| on_out.borrow_mut().push((x, Ok(()))));
                asked.err -> for_each(move |failed| {
                    on_err.borrow_mut().push((failed.input, Err(Fate::of(&failed.error))))
                });
            };
            let graph = graph.batch(3).clock(clock.clone()).seed(seed);
            let stop = poll_fn(move |_| if stop.get() { Poll::Ready(()) } else { Poll::Pending });
            let mut graph = ByHand(Box::pin(graph.run_until(stop)), clock.clone());
            assert!(graph.run(20 + seed as usize % 30).is_none(), "the source does not end");
            let acked = came.borrow().clone();
            if drains {
                stopping.set(true);
                let result = graph.run(100_000).expect("it drains").expect("nothing fails");
                result.assert_conserved();
                let taken = result.report().node("rows").map_or(0, |rows| rows.emitted_on("out"));
                assert_eq!(came.borrow().len() as u64, taken, "seed {seed}");
            } else {
                drop(graph);
                assert_eq!(*came.borrow(), acked);
            }
            assert_eq!(service.0.running.get(), 0, "the calls have ended, or were dropped");
            // What was handed on before the stop still is, and is what the oracle says, once each.
            let mut came = came.borrow().clone();
            assert_eq!(came[..acked.len()], acked);
            for (x, outcome) in &came {
                match (service.fate(*x, plan.times), outcome) {
                    (Fate::Answered(_), Ok(())) => {}
                    (fate, outcome) => {
                        assert_eq!(outcome.as_ref().err(), Some(&fate), "row {x}, seed {seed}")
                    }
                }
            }
            came.sort_unstable();
            came.dedup_by_key(|(x, _)| *x);
            let len = came.len();
            assert!(drains || len == acked.len(), "seed {seed}");
            assert!(!drains || came.iter().map(|(x, _)| *x).eq(0..len as u64), "seed {seed}");
        }
    }
}

#[test]
fn a_graph_that_cannot_drain_in_time_says_how_many_calls_it_waits_for() {
    let clock = ManualClock::new();
    let service = clock.clone();
    let polls = Cell::new(0);
    let stop = poll_fn(|_| {
        polls.set(polls.get() + 1);
        if polls.get() > 50 { Poll::Ready(()) } else { Poll::Pending }
    });
    let graph = graph! {
        rows  = from_iter(0..5_u64);
        asked = async_try_map(move |x: u64| {
            let long = service.sleep(if x < 3 { 1.hours() } else { 0.secs() });
            async move { long.await; Err::<u64, _>(x) }
        }).retry(Retry::times(1).backoff(1.hours()));
        rows -> asked -> discard;
        asked.err -> discard;
    };
    let graph = graph.clock(clock.clone()).drain_within(1.secs());
    match ByHand(Box::pin(graph.run_until(stop)), clock).run(1_000) {
        Some(Err(Error::Stuck { stuck, .. })) => {
            assert!(stuck.contains("waits for 3 calls in flight, 2 retries"), "{stuck}");
        }
        other => panic!("expected that it is stuck, found {:?}", other.map(|other| other.map(|_| ()))),
    }
}

#[test]
fn a_slow_sink_does_not_stop_calls_in_flight() {
    let clock = ManualClock::new();
    let hours = clock.clone();
    let ended = Rc::new(Cell::new(0));
    let calls = Rc::clone(&ended);
    let (sender, mut receiver) = mpsc::channel(1);
    let graph = graph! {
        rows  = from_iter(0..20_u64);
        asked = async_try_map(move |x: u64| {
            // The first two end early, and fill the channel; one fails first, and is called again.
            let long = hours.sleep(if x < 2 { 1.secs() } else { 1.hours() });
            let calls = Rc::clone(&calls);
            async move {
                long.await;
                calls.set(calls.get() + 1);
                if x == 5 && calls.get() < 10 { Err("not yet") } else { Ok(x) }
            }
        }).in_flight(8).timeout(90.minutes()).retry(Retry::times(1).backoff(1.hours()));
        rows -> asked -> to_channel(sender);
        asked.err -> for_each(|failed| panic!("{failed:?}"));
    };
    let mut graph = ByHand(Box::pin(graph.batch(4).clock(clock.clone()).run()), clock);
    assert!(graph.run(100).is_none(), "nobody reads");
    assert_eq!(receiver.len(), 1);
    // Eight rows and a second call for one of them have ended behind a sink that takes no more; those
    // that came into their places, too.
    assert!(ended.get() >= 9, "{} calls have ended", ended.get());
    let before = ended.get();
    assert!(graph.run(100).is_none());
    assert_eq!(ended.get(), before, "and the source waits");

    let mut came = Vec::new();
    let result = loop {
        while let Ok(x) = receiver.try_recv() {
            came.push(x);
        }
        if let Some(result) = graph.run(2) {
            break result;
        }
    };
    came.extend(std::iter::from_fn(|| receiver.try_recv().ok()));
    assert_eq!(came, Vec::from_iter(0..20));
    result.expect("it ends").assert_conserved();
}

#[test]
fn a_call_that_has_ended_sets_no_alarm() {
    let clock = ManualClock::new();
    let (sender, receiver) = mpsc::channel(1);
    let graph = graph! {
        rows  = from_channel(receiver);
        asked = async_map(|x: u64| std::future::ready(x)).timeout(1.hours());
        rows -> asked -> answered;
        asked.err -> discard;
        answered = collect();
    };
    let mut graph = ByHand(Box::pin(graph.clock(clock.clone()).run()), clock.clone());
    sender.try_send(1).expect("there is room");
    assert!(graph.run(0).is_none(), "the channel is open");
    assert_eq!(clock.next_alarm(), None);
    drop(sender);
    assert_eq!(graph.run(0).expect("it ends").expect("nothing fails").answered, [1]);
}

#[test]
fn a_call_that_cannot_fail_gets_an_err_port_from_its_timeout() {
    let clock = ManualClock::new();
    let hours = clock.clone();
    let graph = graph! {
        naps  = from_iter([1, 9, 8, 3_i64]);
        slept = async_map(move |n: i64| {
            let nap = hours.sleep(n.hours());
            async move { nap.await; n }
        }).timeout(8.hours()).retry(Retry::times(2)).keep_input();
        naps -> slept -> awake;
        slept.err -> asleep;
        awake = collect();
        asleep = collect();
    };
    let result = testing::run(graph, clock, 1).expect("it ends");
    assert_eq!(result.awake, [1, 8, 3]);
    let [Failed { input: 9, error }] = result.asleep[..] else { panic!("{:?}", result.asleep) };
    assert_eq!((error.after, error.attempts), (8.hours(), 3));
    assert_eq!(error.to_string(), "the call had not ended after 28800 s (3 attempts)");
}

#[derive(Clone, Debug, PartialEq)]
struct Status(u16);

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}", self.0)
    }
}

impl std::error::Error for Status {}

#[node(in_flight = 2, unordered, timeout = 2.secs(), retry = Retry::times(3).backoff(1.secs()), retry_if = Status::is_passing, keep_input)]
async fn fetch(page: String, #[param] clock: ManualClock) -> Result<usize, Status> {
    match &*page {
        "slow" => clock.sleep(1.hours()).await,
        "busy" => return Err(Status(503)),
        "gone" => return Err(Status(404)),
        _ => {}
    }
    Ok(page.len())
}

impl Status {
    fn is_passing(&self) -> bool {
        self.0 >= 500
    }
}

#[node(timeout = 1.minutes())]
async fn nap(length: TimeDelta, #[param] clock: ManualClock) {
    clock.sleep(length).await;
}

#[node(keep_input)]
async fn even(x: u64) -> Result<u64, &'static str> {
    if x % 2 == 0 { Ok(x) } else { Err("odd") }
}

#[test]
fn a_node_is_timed_and_made_again_as_its_attribute_says() {
    let clock = ManualClock::new();
    let graph = graph! {
        pages = from_iter(["slow", "home", "busy", "gone", "news!"]);
        fetched = fetch(clock.clone());
        pages -> map(String::from) -> fetched -> lengths;
        fetched.err -> failed;
        lengths = collect();
        failed = collect();
    };
    let mut result = testing::run(graph, clock.clone(), 1).expect("it ends");
    result.assert_conserved();
    assert_eq!(result.lengths, [4, 5]);
    result.failed.sort_by(|a, b| a.input.cmp(&b.input));
    let failed: Vec<_> = result
        .failed
        .iter()
        .map(|f| (&*f.input, f.error.attempts(), f.error.clone().into_failed()))
        .collect();
    assert_eq!(failed, [("busy", 4, Some(Status(503))), ("gone", 1, Some(Status(404))), ("slow", 4, None)]);
    assert_eq!(result.failed[0].error.source().map(ToString::to_string), Some("status 503".to_owned()));
}

#[test]
fn a_node_that_cannot_fail_can_take_too_long_and_a_node_can_keep_its_input() {
    let clock = ManualClock::new();
    let graph = graph! {
        lengths = from_iter([1.secs(), 2.hours()]);
        nap = nap(clock.clone());
        lengths -> nap -> rested;
        nap.err -> map(|failed| failed.error.after) -> tired;
        numbers = from_iter([2, 3]);
        even = even();
        numbers -> even -> evens;
        even.err -> odds;
        rested = collect();
        tired = collect();
        evens = collect();
        odds = collect();
    };
    let result = testing::run(graph, clock.clone(), 1).expect("it ends");
    assert_eq!((result.rested, result.tired), (vec![()], vec![1.minutes()]));
    assert_eq!((result.evens, result.odds), (vec![2], vec![Failed { input: 3, error: "odd" }]));
}

#[test]
fn settings_that_cannot_work_are_refused_before_the_first_row() {
    let refused = |settings: fn(Plan) -> Plan| {
        let plan =
            settings(Plan { in_flight: 1, unordered: false, times: 0, retry: Retry::times(0), batch: 1 });
        let service = Service::new(0, 0, &ManualClock::new());
        let graph = graph! {
            rows  = from_iter((0..9).inspect(|_| panic!("it was read")));
            asked = asked(&service, plan);
            rows -> asked -> discard;
            asked.err -> discard;
        };
        block_on(graph.run()).map(|_| ()).expect_err("it is refused").to_string()
    };
    assert_eq!(
        refused(|plan| Plan { in_flight: 0, ..plan }),
        "node `asked`: the number of calls in flight must be above zero, found 0"
    );
    assert_eq!(
        refused(|plan| Plan { retry: plan.retry.factor(0), ..plan }),
        "node `asked`: the factor of a retry must be above zero, found 0"
    );
    assert_eq!(
        refused(|plan| Plan { retry: plan.retry.backoff(-5.millis()), ..plan }),
        "node `asked`: the backoff of a retry must not be below zero, found -5 ms"
    );
    let graph = graph! {
        rows  = from_iter([1]);
        asked = async_map(|x: u64| async move { x }).timeout(0.secs());
        rows -> asked -> discard;
        asked.err -> discard;
    };
    assert_eq!(
        block_on(graph.run()).map(|_| ()).expect_err("it is refused").to_string(),
        "node `asked`: the timeout of a call must be above zero, found 0 s"
    );
}

#[node(pure, in_flight = 3)]
async fn squared(x: i64) -> i64 {
    x * x
}

#[test]
fn a_pure_node_hands_times_and_diffs_on() {
    let mut seen = Vec::new();
    let graph = graph! {
        rows = from_iter([3, -3, 4_i64]);
        rows -> event_time(|x: &i64| EventTime::from_micros(*x), bounded(9.micros())) -> to_changes() -> squared
            -> for_each_update(|row| seen.push((row.data, row.time.micros(), row.diff)));
    };
    block_on(graph.run()).expect("it ends").assert_conserved();
    assert_eq!(seen, [(9, 3, 1_i64), (9, -3, 1), (16, 4, 1)]);
}

graph! {
    graph by_key(rows: (u64, i64); clock: ManualClock) -> (out: (u64, i64)) {
        called = async_map(move |row: (u64, i64)| {
            let nap = clock.sleep(row.1.micros());
            async move {
                nap.await;
                row
            }
        }).in_flight(1_000).ordered_by(|row: &(u64, i64)| row.0);
        rows -> called -> out;
    }
}

#[test]
fn i7_a_row_waits_for_those_of_its_key_that_came_before_it_and_for_no_other() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let keys = random.pick(&[1, 3, 40]);
        let clock = ManualClock::new();
        let mut graph = by_key::harness(clock.clone());
        let rows: Vec<(u64, i64)> = (0..50).map(|_| (random.below(keys), random.between(1, 30))).collect();
        let mut expected: Vec<Vec<(u64, i64)>> = vec![Vec::new(); 31];
        for (place, row) in rows.iter().enumerate() {
            graph.inputs.rows.send(*row);
            let of_key = rows[..=place].iter().filter(|other| other.0 == row.0);
            let end = of_key.map(|other| other.1).max().expect("its own");
            expected[usize::try_from(end).expect("above zero")].push(*row);
        }
        graph.settle();
        for expected in &mut expected {
            let mut seen = graph.outputs.out.take();
            // Of one key they come in order, and the keys in any.
            seen.sort_by_key(|row| row.0);
            expected.sort_by_key(|row| row.0);
            assert_eq!(seen, *expected, "seed {seed}: {rows:?}");
            clock.advance(1.micros());
            graph.settle();
        }
        graph.finish().expect("nothing fails").assert_conserved();
    }
}
