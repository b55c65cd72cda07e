//! Rule H4 for operators on streams to which rows are only ever added, and for calls under way (I4 to I7): a graph that is saved at
//! any step and goes on in another process gives what it would have given (rule Z1).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::time::ManualClock;
use streamweave_tests::cuts::{Step, cuts, rows, rows_in_turn};
use streamweave_tests::{cut, survives};

const SEEDS: u64 = 24;

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
