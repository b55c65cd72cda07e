//! Operators by event time against oracles that compute from scratch: sort (rule F5), the first and the last row of each key
//! (F1), over batch sizes (Z1, Z2).

use std::collections::BTreeMap;
use std::sync::Arc;

use streamweave::Error;
use streamweave::prelude::*;
use streamweave_tests::changes::{holds_at_closed_times, updates};
use streamweave_tests::random::Random;
use streamweave_tests::record::{ChangeLog, Seen, record_changes, take};
use streamweave_tests::{BATCHES, finish};

/// How far rows may be out of order.
const SLACK: i64 = 5;

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// A row: its key, its number, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    key: u64,
    number: usize,
    time: i64,
}

/// Times that go up on the whole, some equal, some further behind than is allowed.
fn inputs() -> impl Iterator<Item = Vec<Row>> {
    (0..60).map(|seed| {
        let mut random = Random::new(seed);
        let keys = random.pick(&[1, 3, 8]);
        let spread = random.pick(&[0, 3, SLACK, 9]);
        let mut now = -20;
        let length = random.place(80);
        let mut row = |number| {
            now += random.pick(&[0, 0, 1, 1, 2, 7]);
            Row { key: random.below(keys), number, time: now - random.between(0, spread) }
        };
        (0..length).map(&mut row).collect()
    })
}

/// The rows that are not behind the frontier when they come, and those that are.
fn on_time(rows: &[Row]) -> (Vec<Row>, Vec<Row>) {
    let mut greatest = i64::MIN;
    rows.iter().partition(|row| {
        let on_time = row.time >= greatest.saturating_sub(SLACK);
        greatest = greatest.max(row.time);
        on_time
    })
}

/// Runs rows through an operator that has a port `late`: what came out, and what was late.
macro_rules! through {
    ($rows:expr, $batch:expr, $operator:expr) => {{
        let log = ChangeLog::default();
        let result = finish(
            graph! {
                rows = from_iter($rows.to_vec());
                operator = $operator;
                rows -> event_time(|row: &Row| at(row.time), bounded(SLACK.micros()))
                    -> key_by(|row: &Row| row.key) -> operator;
                operator -> record_changes(&log);
                operator.late -> map(|late| late.data.value) -> late;
                late = collect();
            }
            .batch($batch)
            .run(),
        );
        result.assert_conserved();
        (take(&log), result.late)
    }};
}

#[test]
fn f5_rows_come_by_time_and_those_at_one_time_in_order_of_arrival() {
    for rows in inputs() {
        let (mut sorted, too_late) = on_time(&rows);
        sorted.sort_by_key(|row| row.time);
        for batch in BATCHES {
            let (seen, late) = through!(rows, batch, sort());
            assert_eq!(late, too_late);
            let out: Vec<_> = updates(&seen).into_iter().map(|update| update.data.value).collect();
            assert_eq!(out, sorted);
        }
    }
}

#[test]
fn f5_rows_at_one_time_come_by_their_key() {
    for rows in inputs() {
        let (mut sorted, _) = on_time(&rows);
        sorted.sort_by_key(|row| (row.time, row.key));
        for batch in BATCHES {
            let (seen, _) = through!(rows, batch, sort_by_key(|row: &Keyed<u64, Row>| row.key));
            let out: Vec<_> = updates(&seen).into_iter().map(|update| update.data.value).collect();
            assert_eq!(out, sorted);
        }
    }
}

#[test]
fn f5_a_row_comes_as_soon_as_the_frontier_is_beyond_its_time_and_not_before() {
    for rows in inputs() {
        let (seen, _) = through!(rows, 7, sort());
        let on_time = on_time(&rows).0;
        for (place, message) in seen.iter().enumerate() {
            let Seen::Frontier(frontier) = message else { continue };
            let closed = on_time.iter().filter(|row| at(row.time) < *frontier).count();
            assert_eq!(updates(&seen[..place]).len(), closed, "at {frontier}");
        }
    }
}

/// The first row of each key up to a time, by time and then by arrival.
fn first(rows: &[Row], time: i64) -> BTreeMap<u64, Row> {
    let mut first = BTreeMap::new();
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| row.time);
    for row in sorted.into_iter().filter(|row| row.time <= time) {
        first.entry(row.key).or_insert(row);
    }
    first
}

fn once(rows: BTreeMap<u64, Row>) -> BTreeMap<Keyed<u64, Row>, i64> {
    rows.into_iter().map(|(key, value)| (Keyed { key, value }, 1)).collect()
}

#[test]
fn f1_the_first_of_each_key_holds_at_every_closed_time() {
    for rows in inputs() {
        let (on_time, _) = on_time(&rows);
        for batch in BATCHES {
            let (seen, late) = through!(rows, batch, first_per_key());
            holds_at_closed_times(&seen, |time| once(first(&on_time, time)));
            assert!(late.iter().all(|row| {
                first(&on_time, row.time).get(&row.key).is_none_or(|first| first.number > row.number)
            }));
        }
    }
}

#[test]
fn f1_the_first_of_each_key_comes_once_when_it_is_final() {
    for rows in inputs() {
        let (on_time, _) = on_time(&rows);
        let mut expected: Vec<Row> = first(&on_time, i64::MAX).into_values().collect();
        expected.sort_by_key(|row| (row.time, row.number));
        for batch in BATCHES {
            let (seen, _) = through!(rows, batch, first_per_key().when_final());
            let out: Vec<_> = updates(&seen).into_iter().map(|update| update.data.value).collect();
            assert_eq!(out, expected);
            for (place, message) in seen.iter().enumerate() {
                let Seen::Frontier(frontier) = message else { continue };
                let closed = expected.iter().filter(|row| at(row.time) < *frontier).count();
                assert_eq!(updates(&seen[..place]).len(), closed, "at {frontier}");
            }
        }
    }
}

#[test]
fn f1_the_last_of_each_key_holds_at_every_closed_time() {
    for rows in inputs() {
        let (on_time, too_late) = on_time(&rows);
        let last = |time| {
            let mut sorted = on_time.clone();
            sorted.sort_by_key(|row| row.time);
            once(sorted.into_iter().filter(|row| row.time <= time).map(|row| (row.key, row)).collect())
        };
        for batch in BATCHES {
            let (seen, late) = through!(rows, batch, last_per_key());
            holds_at_closed_times(&seen, last);
            assert_eq!(late, too_late);
        }
    }
}

type Change<V> = Update<Keyed<&'static str, V>, EventTime, i64>;

graph! {
    graph firsts<V: Clone + 'static>(rows: Timed<Keyed<&'static str, V>>) -> (changes: Update<Keyed<&'static str, V>, EventTime, i64>, late: V) {
        first = first_per_key().ttl(5.micros());
        rows -> first -> changes;
        first.late -> map(|late| late.data.value) -> late;
    }
}

graph! {
    graph finals(rows: Timed<Keyed<&'static str, u32>>) -> (firsts: Timed<Keyed<&'static str, u32>>, late: u32) {
        first = first_per_key().ttl(5.micros()).when_final();
        rows -> first -> firsts;
        first.late -> map(|late| late.data.value) -> late;
    }
}

graph! {
    graph lasts<V: Clone + 'static>(rows: Timed<Keyed<&'static str, V>>) -> (changes: Update<Keyed<&'static str, V>, EventTime, i64>, late: V) {
        last = last_per_key().ttl(5.micros());
        rows -> last -> changes;
        last.late -> map(|late| late.data.value) -> late;
    }
}

fn k<V>(value: V) -> Keyed<&'static str, V> {
    Keyed { key: "k", value }
}

fn shown<V>(changes: Vec<Change<V>>) -> Vec<(V, i64, i64)> {
    changes.into_iter().map(|change| (change.data.value, change.time.micros(), change.diff)).collect()
}

#[test]
fn f1_a_key_is_known_until_the_frontier_is_beyond_its_ttl() {
    for (frontier, forgotten) in [(14, false), (15, false), (16, true)] {
        let (mut first, mut last, mut last_final) = (firsts::harness(), lasts::harness(), finals::harness());
        for input in [&first.inputs.rows, &last.inputs.rows, &last_final.inputs.rows] {
            input.send_at(k(1), at(10));
            input.advance_to(at(frontier));
            input.send_at(k(2), at(20));
        }
        first.finish().expect("nothing fails").assert_conserved();
        last.finish().expect("nothing fails").assert_conserved();
        last_final.finish().expect("nothing fails").assert_conserved();
        let again = [(1, 10, 1), (2, 20, 1)];
        let none = [(1, 10, 1)];
        let replaced = [(1, 10, 1), (1, 20, -1), (2, 20, 1)];
        assert_eq!(shown(first.outputs.changes.updates()), if forgotten { &again[..] } else { &none[..] });
        assert_eq!(shown(last.outputs.changes.updates()), if forgotten { &again[..] } else { &replaced[..] });
        assert_eq!(last_final.outputs.firsts.take().len(), if forgotten { 2 } else { 1 });
    }
}

#[test]
fn f1_an_earlier_row_that_took_the_place_of_another_is_forgotten_by_its_own_time() {
    for (frontier, forgotten) in [(13, false), (14, true)] {
        let mut first = firsts::harness();
        first.inputs.rows.send_at(k(1), at(12));
        first.inputs.rows.send_at(k(2), at(8));
        first.inputs.rows.advance_to(at(frontier));
        first.inputs.rows.send_at(k(3), at(15));
        first.settle();
        let changes = shown(first.outputs.changes.updates());
        assert_eq!(changes[..3], [(1, 12, 1), (1, 12, -1), (2, 8, 1)]);
        assert_eq!(changes[3..], if forgotten { vec![(3, 15, 1)] } else { vec![] });
    }
}

#[test]
fn f1_a_row_that_was_replaced_does_not_come_back_when_its_key_is_forgotten() {
    let mut finals = finals::harness();
    finals.inputs.rows.send_at(k(1), at(20));
    finals.inputs.rows.send_at(k(2), at(8));
    finals.inputs.rows.advance_to(at(20));
    // The key of 2 is forgotten, and 1 waits still where it was replaced.
    finals.inputs.rows.send_at(k(3), at(20));
    finals.finish().expect("nothing fails").assert_conserved();
    assert_eq!(finals.outputs.firsts.take(), [k(2), k(3)]);
}

#[test]
fn f1_what_is_forgotten_is_gone_without_further_input_on_its_key() {
    let (value, mut first, mut last) = (Arc::new(()), firsts::harness(), lasts::harness());
    for time in [10, 12, 11] {
        first.inputs.rows.send_at(k(Arc::clone(&value)), at(time));
        last.inputs.rows.send_at(k(Arc::clone(&value)), at(time));
    }
    first.settle();
    last.settle();
    drop((first.outputs.changes.take(), last.outputs.changes.take()));
    assert_eq!(Arc::strong_count(&value), 1 + 1 + 3);
    let mut after = |time| {
        first.inputs.rows.advance_to(at(time));
        last.inputs.rows.advance_to(at(time));
        first.settle();
        last.settle();
        Arc::strong_count(&value)
    };
    assert_eq!(after(13), 1 + 1 + 1, "the last is kept, with none before it");
    assert_eq!(after(16), 1 + 1, "the first is forgotten");
    assert_eq!(after(17), 1 + 1);
    assert_eq!(after(18), 1, "the last is forgotten");
}

#[test]
fn f1_a_ttl_below_zero_is_refused() {
    let run = graph! {
        rows = from_iter([1]);
        first = first_per_key().ttl(-(1.secs()));
        rows -> event_time(|row| at(*row), bounded(0.secs())) -> key_by(|row| *row) -> first -> discard;
        first.late -> discard;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(run.run()).expect_err("it is refused");
    assert!(matches!(error, Error::Invalid { node: "first", .. }), "{error:?}");
}
