//! Lookups in a service: one call for all rows of a key that come meanwhile, what is remembered and for how long, and
//! that rows keep their order and frontiers wait for them (rules I1, I3, A11).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use streamweave::Error;
use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::{Frontier, ManualClock};
use streamweave_tests::random::Random;

/// A service that takes a second, and writes down what it is asked. It knows keys below 100, and is down for keys
/// from 200 on.
#[derive(Clone)]
struct Service {
    clock: ManualClock,
    asked: Rc<RefCell<Vec<u64>>>,
    /// It answers differently each time.
    version: Rc<Cell<u64>>,
}

type Answer = Result<Option<u64>, &'static str>;

impl Service {
    fn new(clock: ManualClock) -> Self {
        Service { clock, asked: Rc::default(), version: Rc::default() }
    }

    async fn ask(self, key: u64) -> Answer {
        self.asked.borrow_mut().push(key);
        self.version.set(self.version.get() + 1);
        let version = self.version.get();
        self.clock.sleep(1.secs()).await;
        match key {
            0..100 => Ok(Some(version)),
            100..200 => Ok(None),
            _ => Err("down"),
        }
    }

    fn asked(&self) -> Vec<u64> {
        self.asked.borrow_mut().drain(..).collect()
    }
}

type Rows = Vec<(u64, Option<u64>)>;

graph! {
    graph plain(keys: Timed<u64>; service: Service) -> (out: Timed<(u64, Option<u64>)>, failed: Timed<(u64, &'static str)>) {
        joined = lookup(move |key| service.clone().ask(key));
        keys -> key_by(|key| *key) -> joined;
        joined -> map(|row| row.value) -> out;
        joined.err -> map(|failed| (failed.input.value, *failed.error)) -> failed;
    }
}

graph! {
    graph cached(keys: Timed<u64>; service: Service) -> (out: Timed<(u64, Option<u64>)>, failed: Timed<u64>) {
        joined = lookup(move |key| service.clone().ask(key)).cache(2).ttl(10.secs()).negative_ttl(3.secs());
        keys -> key_by(|key| *key) -> joined;
        joined -> map(|row| row.value) -> out;
        joined.err -> map(|failed| failed.input.value) -> failed;
    }
}

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// A harness, its service, which has a clock of its own, and the clock of the graph.
macro_rules! under_test {
    ($graph:ident) => {{
        let service = Service::new(ManualClock::new());
        let harness = $graph::harness(service.clone());
        let clock = harness.clock();
        (harness, service, clock)
    }};
}

#[test]
fn there_is_one_call_for_all_rows_of_a_key_that_come_meanwhile() {
    let (mut joined, service, _) = under_test!(plain);
    for key in [1, 2, 1, 1] {
        joined.inputs.keys.send_at(key, at(0));
    }
    joined.settle();
    joined.inputs.keys.send_at(2, at(0));
    joined.settle();
    assert_eq!(service.asked(), [1, 2]);
    service.clock.advance(1.secs());
    joined.settle();
    assert_eq!(
        joined.outputs.out.take(),
        [(1, Some(1)), (2, Some(2)), (1, Some(1)), (1, Some(1)), (2, Some(2))]
    );
    joined.inputs.keys.send_at(1, at(0));
    joined.settle();
    assert_eq!(service.asked(), [1], "without a cache the answer is forgotten");
    service.clock.advance(1.secs());
    joined.finish().expect("nothing fails").assert_conserved();
    assert_eq!(joined.outputs.out.take(), [(1, Some(3))]);
}

#[test]
fn an_error_is_that_of_all_rows_that_wait_and_is_not_remembered() {
    let (mut joined, service, _) = under_test!(cached);
    for key in [200, 200, 1] {
        joined.inputs.keys.send_at(key, at(0));
    }
    joined.settle();
    assert_eq!(service.asked(), [200, 1]);
    service.clock.advance(1.secs());
    joined.settle();
    assert_eq!(joined.outputs.failed.take(), [200, 200]);
    joined.inputs.keys.send_at(200, at(0));
    joined.settle();
    assert_eq!(service.asked(), [200]);
    service.clock.advance(1.secs());
    joined.finish().expect("nothing fails").assert_conserved();
    assert_eq!(joined.outputs.failed.take(), [200]);
}

/// When a key is asked for again after its answer came: one whose answer is `Some`, and one whose answer is `None`.
#[test]
fn answers_are_used_until_they_are_too_old_and_those_of_none_for_a_shorter_time() {
    for (key, ttl) in [(1, 10.secs()), (100, 3.secs())] {
        for (wait, again) in
            [(0.secs(), false), (TimeDelta::from_micros(ttl.micros() - 1), false), (ttl, true)]
        {
            let (mut joined, service, clock) = under_test!(cached);
            joined.inputs.keys.send_at(key, at(0));
            joined.settle();
            // The age counts from when the answer comes, not from when it was asked for.
            clock.advance(1.secs());
            service.clock.advance(1.secs());
            joined.advance(wait);
            joined.inputs.keys.send_at(key, at(0));
            joined.settle();
            assert_eq!(service.asked().len(), if again { 2 } else { 1 }, "key {key} after {wait:?}");
            service.clock.advance(1.secs());
            joined.finish().expect("nothing fails").assert_conserved();
            assert_eq!(joined.outputs.out.take().len(), 2);
        }
    }
}

#[test]
fn the_cache_forgets_the_key_that_was_asked_for_least_recently() {
    let (mut joined, service, _) = under_test!(cached);
    let mut ask = |key| {
        joined.inputs.keys.send_at(key, at(0));
        joined.settle();
        service.clock.advance(1.secs());
        joined.settle();
        service.asked()
    };
    assert_eq!(ask(1), [1]);
    assert_eq!(ask(2), [2]);
    assert_eq!(ask(1), Vec::<u64>::new());
    assert_eq!(ask(3), [3]);
    assert_eq!(ask(1), Vec::<u64>::new());
    assert_eq!(ask(2), [2], "3 took its place");
}

#[test]
fn i1_rows_answered_from_memory_wait_for_those_before_them_and_a11_so_do_frontiers() {
    let (mut joined, service, _) = under_test!(cached);
    joined.inputs.keys.send_at(1, at(0));
    joined.settle();
    service.clock.advance(1.secs());
    joined.settle();
    assert_eq!(joined.outputs.out.take(), [(1, Some(1))]);
    joined.inputs.keys.send_at(2, at(1));
    joined.inputs.keys.send_at(1, at(2));
    joined.inputs.keys.advance_to(at(5));
    joined.settle();
    assert_eq!(joined.outputs.out.take(), Rows::new());
    assert_eq!(*joined.outputs.out.frontier(), Frontier::start());
    service.clock.advance(1.secs());
    joined.settle();
    assert_eq!(joined.outputs.out.take(), [(2, Some(2)), (1, Some(1))]);
    assert_eq!(*joined.outputs.out.frontier(), Frontier::at(at(5)));
}

#[test]
fn a_lookup_is_timed_and_made_again_once_for_all_rows_that_wait() {
    let clock = ManualClock::new();
    let service = Service::new(clock.clone());
    let (slow, asked) = (clock.clone(), Rc::new(Cell::new(0)));
    let count = Rc::clone(&asked);
    let graph = graph! {
        keys = from_iter([1_u64, 1, 2]);
        joined = lookup(move |key: u64| {
            count.set(count.get() + 1);
            // The first call takes too long, the second is refused, the third gives the answer.
            let (nap, call) = (slow.sleep(if count.get() == 1 { 9.secs() } else { 1.secs() }), count.get());
            async move { nap.await; if call == 2 { Err("busy") } else { Ok(Some(key * 10)) } }
        }).in_flight(2).timeout(2.secs()).retry(Retry::times(2)).retry_if(|error| *error == "busy").cache(9);
        keys -> key_by(|key| *key) -> joined -> map(|row| row.value) -> out;
        joined.err -> map(|failed| failed.error.to_string()) -> failed;
        out = collect();
        failed = collect();
    };
    let result = testing::run(graph, clock, 3).expect("nothing fails");
    assert_eq!(result.out, [(1, Some(10)), (1, Some(10)), (2, Some(20))]);
    assert_eq!(result.failed, Vec::<String>::new());
    assert_eq!((asked.get(), service.asked().len()), (4, 0));
}

#[test]
fn a_cache_that_cannot_work_is_refused() {
    let refused = |cache: usize, ttl: TimeDelta| {
        let graph = graph! {
            keys = from_iter([1_u64]);
            joined = lookup(async |key: u64| Ok::<_, String>(Some(key))).cache(cache).ttl(ttl);
            keys -> key_by(|key| *key) -> joined -> discard;
            joined.err -> discard;
        };
        match testing::run(graph, ManualClock::new(), 1) {
            Err(Error::Invalid { node: "joined", cause }) => cause.to_string(),
            _ => panic!("it was taken"),
        }
    };
    assert_eq!(refused(0, 1.secs()), "the number of answers that are remembered must be above zero, found 0");
    assert_eq!(refused(1, 0.secs()), "the ttl of a cache must be above zero, found 0 s");
}

/// Whatever is remembered, and however calls overtake each other: each row comes once, in order, with an answer for its
/// key; and with a cache that holds all keys none is asked for twice.
#[test]
fn rows_come_once_in_order_with_an_answer_for_their_key() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let keys: Vec<u64> = (0..60).map(|_| random.below(8)).collect();
        let asked = Rc::new(RefCell::new(BTreeMap::new()));
        let (clock, count) = (ManualClock::new(), Rc::clone(&asked));
        let (naps, capacity) = (clock.clone(), random.pick(&[1, 3, 8]));
        let (rows, in_flight) = (keys.clone(), random.pick(&[1, 4, 64]));
        let graph = graph! {
            keys = from_iter(rows);
            joined = lookup(move |key: u64| {
                *count.borrow_mut().entry(key).or_insert(0) += 1;
                let nap = naps.sleep(i64::try_from(random.below(9)).expect("small").secs());
                async move { nap.await; Ok::<_, String>((key % 3 > 0).then_some(key * 10)) }
            }).in_flight(in_flight).cache(capacity);
            keys -> key_by(|key| *key) -> joined -> map(|row| row.value) -> out;
            joined.err -> discard;
            out = collect();
        };
        let result = testing::run(graph, clock, seed).expect("nothing fails");
        result.assert_conserved();
        let expected: Rows = keys.iter().map(|key| (*key, (key % 3 > 0).then_some(key * 10))).collect();
        assert_eq!(result.out, expected);
        if capacity == 8 {
            assert!(asked.borrow().values().all(|times| *times == 1));
        }
    }
}
