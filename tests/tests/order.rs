//! Operators by event time and over changes against oracles that compute from scratch: sort (rule F5), the first and the
//! last row of each key (F1), the greatest rows (F2) and counts (F4), over batch sizes (Z1, Z2).

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use streamweave::Error;
use streamweave::prelude::*;
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

fn updates<D: Clone, T, R: Clone>(seen: &[Seen<Update<D, T, R>, T>]) -> Vec<Update<D, T, R>>
where
    T: Clone,
{
    let update = |seen: &Seen<Update<D, T, R>, T>| match seen {
        Seen::Row(update, _) => Some(update.clone()),
        Seen::Frontier(_) | Seen::Idle(_) | Seen::End => None,
    };
    seen.iter().filter_map(update).collect()
}

/// What changes up to and including a time add up to.
fn as_of<D: Clone + Ord>(changes: &[Update<D, EventTime, i64>], time: i64) -> BTreeMap<D, i64> {
    let mut rows = BTreeMap::new();
    for change in changes.iter().filter(|change| change.time <= at(time)) {
        *rows.entry(change.data.clone()).or_insert(0) += change.diff;
    }
    rows.retain(|_, count| *count != 0);
    rows
}

/// At every frontier the changes before it add up to what the oracle says of the time before it, and in the end for
/// every time.
fn holds_at_closed_times<D: Clone + Ord + Debug>(
    seen: &[Seen<Update<D, EventTime, i64>, EventTime>],
    oracle: impl Fn(i64) -> BTreeMap<D, i64>,
) {
    for (place, message) in seen.iter().enumerate() {
        if let Seen::Frontier(frontier) = message
            && *frontier > EventTime::MIN
        {
            let time = frontier.micros() - 1;
            assert_eq!(as_of(&updates(&seen[..place]), time), oracle(time), "as of {time}");
        }
    }
    assert_eq!(seen.last(), Some(&Seen::End));
    let all = updates(seen);
    let frontiers = seen.iter().filter_map(|seen| match seen {
        Seen::Frontier(frontier) => Some(frontier.micros()),
        Seen::Row(..) | Seen::Idle(_) | Seen::End => None,
    });
    let end = frontiers.max().unwrap_or(0).max(0) + SLACK + 1;
    (-40..end).for_each(|time| assert_eq!(as_of(&all, time), oracle(time), "as of {time}, in the end"));
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

/// A change of a row of a key: `(key, row, time, diff)`.
type Moved = (u64, i64, i64, i64);

/// Changes that make sense at every time, in an order that is up to the slack away from that of their times.
fn changes() -> impl Iterator<Item = Vec<Moved>> {
    (0..60).map(|seed| {
        let mut random = Random::new(seed);
        let (keys, values) = (random.pick(&[1, 3]), random.pick(&[3, 20]));
        let mut there: Vec<(u64, i64)> = Vec::new();
        let mut now = -10;
        let mut changes = Vec::new();
        for _ in 0..random.place(120) {
            now += random.pick(&[0, 0, 0, 1, 3]);
            if !there.is_empty() && random.percent(45) {
                let (key, row) = there.swap_remove(random.place(there.len()));
                changes.push((key, row, now, -1));
            } else {
                let (key, row) = (random.below(keys), random.between(0, values));
                let times = random.pick(&[1, 1, 2]);
                (0..times).for_each(|_| there.push((key, row)));
                changes.push((key, row, now, times));
            }
        }
        let mut shuffled: Vec<_> =
            changes.into_iter().map(|change| (change.2 + random.between(0, SLACK - 1), change)).collect();
        random.shuffle(&mut shuffled);
        shuffled.sort_by_key(|(arrival, _)| *arrival);
        shuffled.into_iter().map(|(_, change)| change).collect()
    })
}

/// Runs changes through an operator: each row becomes so many changes.
macro_rules! changed {
    ($changes:expr, $batch:expr, |$keyed:ident| $operator:expr) => {{
        let log = ChangeLog::default();
        let result = finish(
            graph! {
                changes = from_iter($changes.to_vec());
                operator = $operator;
                changes -> event_time(|change: &Moved| at(change.2), bounded(SLACK.micros()))
                    -> diffs() -> $keyed() -> operator;
                operator -> record_changes(&log);
                operator.late -> late;
                late = collect();
            }
            .batch($batch)
            .run(),
        );
        result.assert_conserved();
        assert_eq!(result.late.len(), 0);
        take(&log)
    }};
}

/// The number in a row as its diff: an operator of a user's own.
mod diff {
    use streamweave::envelope::Update;
    use streamweave::operator::{Cx, Input, Node, Operator, Outcome, Resume};
    use streamweave::port::{Edge, OnlyOut, Port, Push};
    use streamweave::prelude::*;
    use streamweave::time::Frontier;

    #[derive(Clone, Debug)]
    pub(super) struct Diffs;

    impl Operator for Diffs {
        type Yield = ();
        const OUTCOME: Outcome = Outcome::Passed;

        fn finish(&mut self) {}
    }

    impl<Outs> Resume<Outs> for Diffs {}

    pub(super) fn diffs(
        _input: Edge<super::Moved, EventTime>,
    ) -> Node<Diffs, OnlyOut<(u64, i64), EventTime, i64>> {
        Node::new(Diffs, OnlyOut::new())
    }

    impl<S: Push<(u64, i64), EventTime, i64>> Input<0, super::Moved, EventTime, (), (Port<S>,)> for Diffs {
        fn push(&mut self, row: Update<super::Moved, EventTime>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
            let (key, value, _, diff) = row.data;
            out.pass(Update { data: (key, value), time: row.time, diff });
        }

        fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
            out.advance(frontier);
        }
    }
}

use diff::diffs;

#[node]
fn keyed((key, value): (u64, i64)) -> Keyed<u64, i64> {
    Keyed { key, value }
}

#[node]
fn plain(row: (u64, i64)) -> (u64, i64) {
    row
}

/// The rows of each key as of a time, the greatest first.
fn there(changes: &[Moved], time: i64) -> BTreeMap<u64, Vec<i64>> {
    let mut counts = BTreeMap::new();
    for (key, row, _, diff) in changes.iter().filter(|change| change.2 <= time) {
        *counts.entry((*key, *row)).or_insert(0) += diff;
    }
    let mut there: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for ((key, row), count) in counts.into_iter().rev() {
        assert!(count >= 0, "these changes make no sense");
        there.entry(key).or_default().extend((0..count).map(|_| row));
    }
    there.retain(|_, rows| !rows.is_empty());
    there
}

fn summed<D: Ord>(rows: impl IntoIterator<Item = D>) -> BTreeMap<D, i64> {
    let mut sums = BTreeMap::new();
    rows.into_iter().for_each(|row| *sums.entry(row).or_insert(0) += 1);
    sums
}

/// Nothing is emitted twice at one time, nor for nothing.
fn is_consolidated<D: Ord + Clone + Debug>(changes: &[Update<D, EventTime, i64>]) {
    let mut seen: Vec<_> = changes.iter().map(|change| (change.time, &change.data)).collect();
    seen.sort();
    seen.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
    assert!(changes.iter().all(|change| change.diff != 0));
}

#[test]
fn f2_the_greatest_rows_are_those_of_all_at_every_closed_time() {
    for changes in changes() {
        for (n, batch) in [(0, 7), (1, 1), (1, 64), (2, 7), (3, 1024), (usize::MAX, 7)] {
            let seen = changed!(changes, batch, |keyed| top_n(n));
            is_consolidated(&updates(&seen));
            assert!(n > 0 || updates(&seen).is_empty());
            holds_at_closed_times(&seen, |time| {
                let top = |(key, rows): (u64, Vec<i64>)| {
                    rows.into_iter().take(n).map(move |value| Keyed { key, value })
                };
                summed(there(&changes, time).into_iter().flat_map(top))
            });
        }
    }
}

#[test]
fn f4_the_count_of_an_emptied_group_disappears() {
    for changes in changes() {
        for batch in BATCHES {
            let seen = changed!(changes, batch, |keyed| count_by_key());
            is_consolidated(&updates(&seen));
            holds_at_closed_times(&seen, |time| {
                let counted = |(key, rows): (u64, Vec<i64>)| Keyed { key, value: rows.len() as u64 };
                summed(there(&changes, time).into_iter().map(counted))
            });
        }
    }
}

#[test]
fn f4_the_count_of_all_is_zero_where_there_is_none() {
    for changes in changes() {
        for batch in BATCHES {
            let seen = changed!(changes, batch, |plain| count_all());
            holds_at_closed_times(&seen, |time| {
                summed([there(&changes, time).into_values().map(|rows| rows.len() as u64).sum::<u64>()])
            });
        }
    }
}

graph! {
    graph best(changes: Update<Keyed<&'static str, u32>, EventTime, i64>) -> (top: Update<Keyed<&'static str, u32>, EventTime, i64>, late: u32) {
        greatest = top_n(1);
        changes -> greatest -> top;
        greatest.late -> map(|late| late.data.value) -> late;
    }
}

#[test]
fn a_row_that_was_never_there_cannot_be_taken_back() {
    let mut best = best::harness();
    let change = |value, time, diff| Update { data: k(value), time: at(time), diff };
    best.inputs.changes.update(change(7, 10, -1));
    best.inputs.changes.update(change(7, 10, 1));
    best.inputs.changes.update(change(5, 12, -1));
    best.inputs.changes.advance_to(at(12));
    best.try_settle().expect("within one time rows may come and go in any order");
    best.inputs.changes.advance_to(at(13));
    let error = best.try_settle().expect_err("5 was never there");
    let Error::Failed { node, cause } = error else { panic!("{error:?}") };
    assert_eq!(node, "greatest");
    let told = cause.to_string();
    assert!(told.contains("key \"k\"") && told.contains("1970-01-01T00:00:00.000012Z"), "{told}");
}

#[test]
fn a_row_that_was_never_there_fails_a_run_that_ends_with_it() {
    let changes = [(1, 5, 10, 1), (2, 5, 11, -1)];
    let run = graph! {
        changes = from_iter(changes);
        counts = count_by_key();
        changes -> event_time(|change: &Moved| at(change.2), bounded(SLACK.micros())) -> diffs() -> keyed() -> counts;
        counts -> discard;
        counts.late -> discard;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(run.run()).expect_err("2 had no row");
    assert!(matches!(error, Error::Failed { node: "counts", .. }), "{error:?}");
    assert!(error.to_string().contains("key 2"), "{error}");
}
