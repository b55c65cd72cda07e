//! Rule H4 for operators on streams to which rows are only ever added, and for calls under way (I4 to I7): a graph that is saved at
//! any step and goes on in another process gives what it would have given (rule Z1).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::state::EventLog;
use streamweave::time::{Clock, ManualClock};
use streamweave_tests::cuts::{Step, cuts, rows, rows_in_turn};
use streamweave_tests::memory::Memory;
use streamweave_tests::random::Random;
use streamweave_tests::{cut, finish, survives, until_it_waits};
use tokio::sync::mpsc;

const SEEDS: u64 = 16;

graph! {
    graph batches(rows: Timed<u64>) -> (by_count: Timed<Vec<u64>>, by_size: Timed<Vec<u64>>, others: Vec<Option<u64>>) {
        #![durable]
        counted = batch(3).within(7.micros());
        measured = batch_bytes(20, |row: &u64| *row as usize);
        plain = batch(4);
        rows -> counted -> by_count;
        rows -> measured -> by_size;
        rows -> untimed() -> map(|row: u64| (row % 2 == 0).then_some(row)) -> plain -> others;
    }
}

survives!(h4_batches, SEEDS, batches::harness(), rows, [0 rows], [by_count, by_size, others]);

graph! {
    graph sifted(rows: Timed<u64>) -> (
        a: Timed<Option<u64>>, b: Timed<u64>, c: Timed<u64>, d: Timed<Option<u64>>, e: Timed<()>, f: Timed<(Option<u64>, Option<u64>)>,
    ) {
        #![durable]
        rows -> map(|row: u64| (row % 3 > 0).then_some(row / 2)) -> dedup -> a;
        rows -> distinct -> b;
        rows -> distinct_by(|row: &u64| row % 5) -> c;
        rows -> map(|row: u64| (row % 3 > 0).then_some(row)) -> distinct -> d;
        rows -> map(|_: u64| ()) -> dedup -> e;
        rows -> map(|row: u64| (row % 3 > 0).then_some(row)) -> pairwise -> f;
    }
}

survives!(h4_rows_that_pass_by_what_came_before, SEEDS, sifted::harness(), rows, [0 rows], [a, b, c, d, e, f]);

graph! {
    graph sampled(rows: Timed<u64>) -> (
        a: Timed<u64>, b: Timed<u64>, c: Timed<u64>, d: Timed<u64>, e: Timed<u64>, f: Timed<u64>,
    ) {
        #![durable]
        rows -> every(3) -> a;
        rows -> sample_by_chance(7, 2) -> b;
        rows -> skip(9) -> c;
        rows -> take(9) -> d;
        rows -> take_while(|row: &u64| *row != 2) -> e;
        rows -> skip_while(|row: &u64| *row != 2) -> f;
    }
}

survives!(h4_rows_that_pass_by_their_place, SEEDS, sampled::harness(), rows, [0 rows], [a, b, c, d, e, f]);

graph! {
    graph gathered(rows: Timed<u64>) -> (texts: (String, u64), items: (u64, u64), known: Timed<u64>) {
        #![durable]
        rows -> flat_map_ref(TextTally::new(), |row: &u64, texts| texts.add(&row.to_string())) -> texts;
        rows -> flat_map_ref(Tally::<u64>::new(), |row: &u64, items| items.add(row)) -> items;
        rows -> memo(2, |row: &u64| row * 2) -> known;
    }
}

survives!(h4_what_is_gathered_and_what_is_remembered, SEEDS, gathered::harness(), rows, [0 rows], [texts, items, known]);

graph! {
    graph paired(left: Timed<u64>, right: Timed<u64>) -> (pairs: Timed<(u64, u64)>) {
        #![durable]
        zipped = zip();
        left -> zipped.left;
        right -> zipped.right;
        zipped -> pairs;
    }
}

survives!(h4_rows_that_wait_for_partners, SEEDS, paired::harness(), rows, [0 left, 1 right], [pairs]);
survives!(h4_rows_that_wait_for_partners_that_do_not_come, SEEDS, paired::harness(), rows_in_turn, [0 left, 1 right], [pairs]);

graph! {
    /// Half of the first stream has to wait for its other half, and all of the second.
    graph one_after_the_other(first: Timed<u64>, second: Timed<u64>) -> (after: Timed<u64>) {
        #![durable]
        split = partition(|row: &u64| row % 2 == 0);
        joined = concat();
        first -> split;
        split.matching -> joined.first;
        [split.rest, second] -> joined.second;
        joined -> after;
    }
}

survives!(h4_rows_that_wait_for_their_turn, SEEDS, one_after_the_other::harness(), rows_in_turn, [0 first, 1 second], [after]);

graph! {
    graph parted(rows: Timed<u64>) -> (a: Timed<u64>, b: Timed<u64>, c: Timed<u64>, d: Timed<u64>, e: Timed<u64>, f: Timed<u64>) {
        #![durable]
        turns = round_robin(Ways::<3>);
        weighed = balance(Ways::<2>, |row: &u64| *row);
        rows -> turns;
        turns.to_0 -> a;
        turns.to_1 -> b;
        turns.to_2 -> c;
        rows -> weighed;
        weighed.to_0 -> d;
        weighed.to_1 -> e;
        all = broadcast();
        rows -> all;
        all -> f;
    }
}

survives!(h4_streams_that_part, SEEDS, parted::harness(), rows, [0 rows], [a, b, c, d, e, f]);

graph! {
    graph paced(rows: Timed<u64>) -> (a: Timed<u64>, b: Timed<u64>, c: Timed<u64>) {
        #![durable]
        rows -> debounce(3.micros()) -> quiet;
        quiet = inspect(|_: &u64| ());
        quiet -> a;
        rows -> sample(4.micros()) -> sampled;
        sampled = inspect(|_: &u64| ());
        sampled -> b;
        rows -> throttle(5.micros()) -> seldom;
        seldom = inspect(|_: &u64| ());
        seldom -> c;
    }
}

survives!(h4_what_goes_by_the_clock, SEEDS, paced::harness(), rows, [0 rows], [a, b, c]);

/// Sums rows up, tells the sum when a timer or an alarm that a row has set goes off.
#[derive(State)]
struct Told {
    #[state]
    sum: u64,
}

#[node]
impl Told {
    fn new() -> Self {
        Told { sum: 0 }
    }

    fn on_rows(&mut self, row: u64, cx: &Cx) {
        self.sum += row;
        cx.set_timer(EventTime::from_micros(cx.time().micros() + 3));
        cx.set_alarm(cx.now() + 4.micros());
    }

    fn on_timer(&mut self, at: EventTime, out: &mut Out<(i64, u64)>) {
        out.send((at.micros(), self.sum));
    }

    fn on_alarm(&mut self, at: ProcessingTime, out: &mut Out<(i64, u64)>) {
        out.send((at.micros(), self.sum));
    }
}

graph! {
    graph reminded(rows: Timed<u64>) -> (out: Timed<(i64, u64)>) {
        #![durable]
        node = Told();
        rows -> node -> out;
    }
}

survives!(h4_timers_and_alarms, SEEDS, reminded::harness(), rows, [0 rows], [out]);

/// Fails as often as it says.
fn attempt(work: (u64, u64)) -> Result<u64, (u64, u64)> {
    match work {
        (row, 0) => Ok(row),
        (row, fails) => Err((row, fails - 1)),
    }
}

graph! {
    graph circling(rows: Timed<u64>) -> (done: Timed<u64>) {
        #![durable]
        tried = try_map(attempt);
        rows -> map(|row: u64| (row, row % 4)) -> tried;
        tried -> done;
        again = map(|failed: Failed<(), (u64, u64)>| failed.error);
        tried.err -> again;
        #[feedback(8, drop_newest)]
        again -> tried;
    }
}

survives!(h4_what_goes_round, SEEDS, circling::harness(), rows, [0 rows], [done]);

// What comes to nodes that are not ready waits in the graph, behind a `#[cap(..)]`: what waits before a graph is not saved with it.

/// What is called: it takes its time, by a clock of its own.
#[derive(Clone, Default)]
struct Service {
    clock: ManualClock,
    calls: Rc<Cell<u64>>,
    /// What was refused when it was asked last.
    refused: Rc<RefCell<BTreeSet<u64>>>,
}

impl Service {
    /// Sleeps for some microseconds.
    async fn sleep(&self, micros: u64) {
        self.calls.set(self.calls.get() + 1);
        self.clock.sleep((1 + micros as i64).micros()).await;
    }

    /// Refuses every second time.
    fn refuses(&self, row: u64) -> bool {
        let mut refused = self.refused.borrow_mut();
        refused.insert(row) || !refused.remove(&row)
    }
}

async fn called(row: u64, service: Service) -> u64 {
    service.sleep(row % 7).await;
    row
}

graph! {
    graph calling(rows: Timed<u64>; service: Service) -> (out: Timed<u64>) {
        #![durable]
        kept = async_map(move |row: u64| called(row, service.clone())).in_flight(3);
        #[cap(1_000)]
        rows -> kept;
        kept -> out;
    }
}

graph! {
    graph calling_unordered(rows: Timed<u64>; service: Service) -> (out: Timed<u64>) {
        #![durable]
        kept = async_map(move |row: u64| called(row, service.clone())).in_flight(3).unordered();
        #[cap(1_000)]
        rows -> kept;
        kept -> out;
    }
}

graph! {
    graph calling_by_key(rows: Timed<u64>; service: Service) -> (out: Timed<u64>) {
        #![durable]
        kept = async_map(move |row: u64| called(row, service.clone())).in_flight(5).ordered_by(|row: &u64| row % 3);
        #[cap(1_000)]
        rows -> kept;
        kept -> out;
    }
}

/// Every fifth row takes too long, every third is refused now and then, some fail for good.
async fn tried(row: u64, service: Service) -> Result<u64, String> {
    service.sleep(if row % 5 == 4 { 10_000 } else { 1 }).await;
    match row % 3 {
        0 if service.refuses(row) => Err("busy".to_owned()),
        1 if row.is_multiple_of(2) => Err("never".to_owned()),
        _ => Ok(row),
    }
}

graph! {
    graph trying(rows: Timed<u64>; service: Service) -> (out: Timed<u64>, failed: Timed<u64>) {
        #![durable]
        kept = async_try_map(move |row: u64| tried(row, service.clone()))
            .in_flight(4)
            .timeout(5.micros())
            .retry(Retry::times(9).backoff(1.micros()).factor(1))
            .retry_if(|error: &String| error == "busy")
            .keep_input();
        #[cap(1_000)]
        rows -> kept;
        kept -> out;
        kept.err -> map(|failed: Failed<u64, CallError<String>>| failed.input) -> failed;
    }
}

async fn looked_up(key: u64, service: Service) -> Result<Option<u64>, String> {
    service.sleep(key % 4).await;
    match key % 4 {
        0 => Ok(None),
        1 => Err("down".to_owned()),
        _ => Ok(Some(key * 10)),
    }
}

graph! {
    graph looking_up(rows: Timed<u64>; service: Service) -> (out: Timed<(u64, Option<u64>)>, failed: Timed<u64>) {
        #![durable]
        found = lookup(move |key: u64| looked_up(key, service.clone())).in_flight(4).cache(3);
        by_key = key_by(|row: &u64| *row);
        #[cap(1_000)]
        rows -> by_key;
        by_key -> found;
        found -> map(|row: Keyed<u64, (u64, Option<u64>)>| row.value) -> out;
        found.err -> map(|failed: Failed<Keyed<u64, u64>, Arc<String>>| failed.input.value) -> failed;
    }
}

graph! {
    /// Rows are called for until they succeed, the frontier waits for them.
    graph calling_round(rows: Timed<u64>; service: Service) -> (done: Timed<u64>) {
        #![durable]
        kept = async_try_map(move |work: (u64, u64)| {
            let service = service.clone();
            async move {
                service.sleep(work.0 % 3).await;
                attempt(work)
            }
        }).in_flight(2);
        work = map(|row: u64| (row, row % 3));
        #[cap(1_000)]
        rows -> work;
        work -> kept;
        kept -> done;
        again = map(|failed: Failed<(), (u64, u64)>| failed.error);
        kept.err -> again;
        #[feedback(500, drop_newest)]
        again -> kept;
    }
}

/// The rows among what was seen, frontiers aside.
fn rows_of(seen: &[String]) -> Vec<String> {
    seen.iter().filter(|seen| seen.contains("Row")).cloned().collect()
}

/// How many there were of each row.
fn counted(seen: &[String]) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    rows_of(seen).into_iter().for_each(|row| *rows.entry(row).or_default() += 1);
    rows
}

/// The rows of each group of which [`calling_by_key`] keeps the order.
fn by_key(seen: &[String]) -> BTreeMap<u64, Vec<String>> {
    let mut groups: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for row in rows_of(seen) {
        let data = row.split("data: ").nth(1).and_then(|row| row.split(',').next()).expect("a row");
        groups.entry(data.parse::<u64>().expect("a number") % 3).or_default().push(row);
    }
    groups
}

/// A test: what comes of the calls of a graph that is cut is the same as without, as far as `$same` says.
macro_rules! calls_survive {
    ($test:ident, $graph:ident, [$($output:ident),*], $same:expr) => {
        #[test]
        fn $test() {
            let service = Service::default();
            let (mut made, mut expected) = (0, 0);
            for seed in 0..SEEDS {
                let mut script = rows(seed, 1);
                let mut cuts = cuts(seed, script.len());
                // Until all have ended.
                script.extend((0..250).map(|_| Step::Tick(3.micros())));
                let run = |cuts: Vec<BTreeSet<usize>>| {
                    let tick = |by| service.clock.advance(by);
                    let before = service.calls.get();
                    let seen = cut!($graph::harness(service.clone()), script, cuts, [0 rows], [$($output),*], tick);
                    (seen, service.calls.get() - before)
                };
                let (uncut, calls) = run(vec![cuts.remove(0)]);
                expected += calls * cuts.len() as u64;
                let (runs, calls) = run(cuts);
                made += calls;
                for (cuts, seen) in &runs {
                    assert_eq!($same(seen), $same(&uncut[0].1), "seed {seed}, cut at {cuts:?} of {script:#?}");
                }
            }
            assert!(made > expected * 11 / 10, "{made} calls, {expected} without cuts: hardly any was cut");
        }
    };
}

calls_survive!(i6_calls_under_way_are_made_again_in_order, calling, [out], rows_of);
calls_survive!(i4_unordered_calls_have_one_outcome, calling_unordered, [out], counted);
calls_survive!(i7_rows_of_a_key_keep_their_order_in_a_cut, calling_by_key, [out], by_key);
calls_survive!(i4_calls_that_are_tried_again_have_one_outcome, trying, [out, failed], counted);
calls_survive!(h4_lookups, looking_up, [out, failed], counted);
calls_survive!(h4_calls_that_go_round, calling_round, [done], counted);

/// A call that ends when the service's clock has gone on by a microsecond.
async fn slowly(row: u64, service: Service) -> u64 {
    service.sleep(0).await;
    row
}

/// Goes on with a graph until it has nothing more to do, a microsecond at a time: what comes out.
macro_rules! go_on {
    ($graph:ident, $service:ident, $times:expr) => {{
        let mut seen = Vec::new();
        for _ in 0..$times {
            $graph.settle();
            seen.extend($graph.outputs.out.take());
            $service.clock.advance(1.micros());
            $graph.advance(1.micros());
            seen.extend($graph.outputs.out.take());
        }
        seen
    }};
}

graph! {
    graph waiting(rows: u64; service: Service, in_flight: usize) -> (out: u64) {
        #![durable]
        kept = async_map(move |row: u64| slowly(row, service.clone())).in_flight(in_flight);
        rows -> kept -> out;
    }
}

#[test]
fn i5_restore_with_a_full_queue_does_not_deadlock() {
    let service = Service::default();
    for (before, after) in [(3, 3), (3, 1), (1, 3), (5, 2)] {
        let mut graph = waiting::harness(service.clone(), before);
        (0..50).for_each(|row| graph.inputs.rows.send(row));
        graph.settle();
        assert_eq!(
            graph.explain().node("kept").expect("it is there").waits_for.as_deref().map(|_| ()),
            Some(())
        );
        let saved = graph.save();
        let calls = service.calls.get();
        let mut graph = waiting::harness(service.clone(), after);
        graph.restore(&saved).expect("the same graph");
        assert_eq!(service.calls.get(), calls, "nothing is called for before the graph runs");
        graph.settle();
        assert_eq!(service.calls.get(), calls + after as u64, "so many are under way, and no more (rule I3)");
        graph.inputs.rows.send(50);
        let seen = go_on!(graph, service, 60);
        assert_eq!(seen, Vec::from_iter(0..51), "{before} in flight before, {after} after");
        graph.finish().expect("nothing fails").assert_conserved();
    }
}

#[test]
fn i6_a_graph_that_drains_drops_no_row_that_it_has_taken() {
    let service = Service::default();
    let mut graph = waiting::harness(service.clone(), 2);
    (0..9).for_each(|row| graph.inputs.rows.send(row));
    graph.settle();
    let saved = graph.save();
    let mut graph = waiting::harness(service.clone(), 2);
    graph.restore(&saved).expect("the same graph");
    assert!(graph.finish().is_err(), "calls are under way");
    let seen = go_on!(graph, service, 9);
    assert_eq!(seen, Vec::from_iter(0..9));
    graph.finish().expect("nothing fails").assert_conserved();
}

#[test]
fn i6_a_graph_that_is_aborted_drops_no_row_and_counts_none_twice() {
    let mut all_aborts = 0;
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let (storage, service) = (Memory::default(), Service::default());
        let mut aborts = 0;
        let out = loop {
            let called = service.clone();
            let clock = ManualClock::new();
            let mut run = pin!(
                graph! {
                    #![durable = exactly_once]
                    rows = from_iter(0..60_u64);
                    kept = async_map(move |row: u64| {
                        let service = called.clone();
                        async move {
                            service.sleep(row % 4).await;
                            row
                        }
                    }).in_flight(3);
                    rows -> kept -> kept_in_order;
                    kept_in_order = collect();
                }
                .checkpoints(Checkpoints::in_storage(storage.clone(), "memory").every(3.micros()).in_place())
                .clock(clock.clone())
                .batch(4)
                .run()
            );
            let steps = if aborts < 8 { random.between(0, 40) } else { 1_000 };
            let mut ended = None;
            for _ in 0..steps {
                if let Poll::Ready(result) = until_it_waits(run.as_mut()) {
                    ended = Some(result.expect("nothing fails").kept_in_order);
                    break;
                }
                clock.advance(1.micros());
                service.clock.advance(1.micros());
            }
            match ended {
                Some(out) => break out,
                None => aborts += 1,
            }
        };
        assert_eq!(out, Vec::from_iter(0..60), "seed {seed}");
        all_aborts += aborts;
    }
    assert!(all_aborts > SEEDS);
}

graph! {
    graph from_a_channel(; receiver: mpsc::Receiver<u64>, service: Service) -> (out: u64) {
        #![durable]
        rows = from_channel(receiver);
        kept = async_map(move |row: u64| slowly(row, service.clone())).in_flight(1);
        rows -> kept -> out;
    }
}

graph! {
    graph from_a_stream(; rows: Receiving, service: Service) -> (out: u64) {
        #![durable]
        rows = from_stream(rows);
        kept = async_map(move |row: u64| slowly(row, service.clone())).in_flight(1);
        rows -> kept -> out;
    }
}

/// A stream of what comes from a channel.
#[derive(Debug)]
struct Receiving(mpsc::Receiver<u64>);

impl futures::Stream for Receiving {
    type Item = u64;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<u64>> {
        self.0.poll_recv(context)
    }
}

/// Rows that a source has taken ahead are not lost, whatever it is given when it is started again.
macro_rules! rows_taken_ahead_are_kept {
    ($test:ident, $graph:ident, $source:expr) => {
        #[test]
        fn $test() {
            let service = Service::default();
            let source = $source;
            let mut seen = Vec::new();
            let (mut saved, mut next) = (None, 0);
            for start in 0..4 {
                let (send, receive) = mpsc::channel(100);
                let mut graph = $graph::harness(source(receive), service.clone());
                if let Some(saved) = &saved {
                    graph.restore(saved).expect("the same graph");
                }
                (next..next + 30).for_each(|row| send.try_send(row).expect("there is room"));
                seen.extend(go_on!(graph, service, if start < 3 { 10 } else { 200 }));
                saved = Some(graph.save());
                // What the source has not taken is sent again.
                next += send.capacity() as u64 + 30 - send.max_capacity() as u64;
                if start == 3 {
                    drop(send);
                    seen.extend(go_on!(graph, service, 3));
                    assert!(graph.is_ended());
                }
            }
            assert_eq!(seen, Vec::from_iter(0..next));
            assert!(next >= 60);
        }
    };
}

rows_taken_ahead_are_kept!(h4_rows_from_a_channel, from_a_channel, |receive| receive);
rows_taken_ahead_are_kept!(h4_rows_from_a_stream, from_a_stream, Receiving);

graph! {
    graph ticking() -> (out: u64) {
        #![durable]
        ticks = interval(5.micros()).take(20);
        ticks -> out;
    }
}

#[test]
fn h4_ticks_go_on_where_they_were() {
    for cut in 0..100 {
        let service = Service::default();
        let mut graph = ticking::harness();
        let mut seen = go_on!(graph, service, cut);
        let saved = graph.save();
        let now = graph.clock().now();
        graph = ticking::harness();
        graph.clock().advance_to(now);
        graph.restore(&saved).expect("the same graph");
        seen.extend(go_on!(graph, service, 99 - cut));
        assert_eq!(seen, Vec::from_iter(0..19), "cut after {cut} microseconds");
        seen.extend(go_on!(graph, service, 2));
        assert_eq!(seen, Vec::from_iter(0..20), "cut after {cut} microseconds");
        assert!(graph.is_ended());
    }
}

graph! {
    graph once_more(; log: EventLog<u64>, service: Service) -> (out: Timed<u64>) {
        #![durable]
        rows = replay(&log, EventTime::from_micros(0)..EventTime::from_micros(1_000));
        kept = async_map(move |row: u64| slowly(row, service.clone())).in_flight(1);
        #[cap(2)]
        rows -> kept;
        kept -> out;
    }
}

#[test]
fn h4_what_was_replayed_is_not_replayed_again() {
    let log = EventLog::new(1.hours());
    finish(
        graph! {
            rows = from_iter(0..3_000_u64);
            rows -> event_time(|row: &u64| EventTime::from_micros(*row as i64), ascending()) -> keep(&log) -> discard;
        }
        .run(),
    );
    let service = Service::default();
    let mut graph = once_more::harness(log.clone(), service.clone());
    let mut seen = go_on!(graph, service, 10);
    for steps in [1, 300, 800] {
        let saved = graph.save();
        graph = once_more::harness(log.clone(), service.clone());
        graph.restore(&saved).expect("the same graph");
        seen.extend(go_on!(graph, service, steps));
    }
    assert_eq!(seen, Vec::from_iter(0..1_000));
}

graph! {
    graph sent(rows: u64; sender: mpsc::Sender<u64>, told: Rc<RefCell<Vec<u64>>>) {
        #![durable]
        rows -> skip(2) -> kept;
        kept = inspect(|_: &u64| ());
        kept -> to_channel(sender);
        kept -> for_each(move |row: u64| told.borrow_mut().push(row));
    }
}

#[test]
fn h4_sinks_that_hand_rows_on_at_once() {
    let told = Rc::default();
    let (send, mut receive) = mpsc::channel(100);
    let mut graph = sent::harness(send.clone(), Rc::clone(&told));
    for row in 0..10 {
        graph.inputs.rows.send(row);
        graph.settle();
        let saved = graph.save();
        graph = sent::harness(send.clone(), Rc::clone(&told));
        graph.restore(&saved).expect("the same graph");
    }
    graph.finish().expect("nothing fails").assert_conserved();
    drop(send);
    drop(graph);
    let received: Vec<u64> = std::iter::from_fn(|| receive.try_recv().ok()).collect();
    assert_eq!(received, Vec::from_iter(2..10));
    assert_eq!(*told.borrow(), received);
}
