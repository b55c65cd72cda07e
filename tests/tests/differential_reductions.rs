//! Reductions over changes against oracles that compute from scratch (rules F2 to F4, G1 to G4), over batch sizes (Z1, Z2).

use std::collections::BTreeMap;
use std::fmt::Debug;

use streamweave::Error;
use streamweave::differential::Average;
use streamweave::prelude::*;
use streamweave_tests::changes::{holds_at_closed_times, updates};
use streamweave_tests::random::Random;
use streamweave_tests::record::{ChangeLog, record_changes, take};
use streamweave_tests::{BATCHES, finish};

/// How far rows may be out of order.
const SLACK: i64 = 5;

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// A change of a row of a key: `(key, row, time, diff)`.
type Moved = (u64, i64, i64, i64);

/// Changes that make sense at every time, in an order that is up to the slack away from that of their times.
fn changes() -> impl Iterator<Item = Vec<Moved>> {
    (0..30).map(|seed| {
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

/// Runs changes through an operator.
macro_rules! changed {
    ($changes:expr, $batch:expr, |$keyed:ident| $operator:expr) => {{
        let log = ChangeLog::default();
        finish(
            graph! {
                changes = from_iter($changes.to_vec());
                operator = $operator;
                changes -> event_time(|change: &Moved| at(change.2), bounded(SLACK.micros()))
                    -> diffs() -> $keyed() -> operator -> record_changes(&log);
            }
            .batch($batch)
            .run(),
        )
        .assert_conserved();
        take(&log)
    }};
}

/// Runs random changes through an operator, at all batch sizes, and compares with what their rows come to as of each closed time.
macro_rules! compare {
    (|$keyed:ident| $operator:expr, $naive:expr) => {
        for changes in changes() {
            let mut before = None;
            for batch in BATCHES {
                let seen = changed!(changes, batch, |$keyed| $operator);
                is_consolidated(&updates(&seen));
                holds_at_closed_times(&seen, |time| ($naive)(there(&changes, time)));
                // What comes out does not depend on where batches are cut.
                assert_eq!(before.get_or_insert_with(|| updates(&seen)), &updates(&seen));
            }
        }
    };
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

type Groups = BTreeMap<u64, Vec<i64>>;

/// The rows of each key as of a time, the greatest first.
fn there(changes: &[Moved], time: i64) -> Groups {
    let mut counts = BTreeMap::new();
    for (key, row, _, diff) in changes.iter().filter(|change| change.2 <= time) {
        *counts.entry((*key, *row)).or_insert(0) += diff;
    }
    let mut there = Groups::new();
    for ((key, row), count) in counts.into_iter().rev() {
        assert!(count >= 0, "these changes make no sense");
        there.entry(key).or_default().extend((0..count).map(|_| row));
    }
    there.retain(|_, rows| !rows.is_empty());
    there
}

/// Every row of every key.
fn all(groups: Groups) -> impl Iterator<Item = (u64, i64)> {
    groups.into_iter().flat_map(|(key, rows)| rows.into_iter().map(move |row| (key, row)))
}

/// What the rows of each key come to.
fn of_each<B: Ord>(groups: Groups, f: impl Fn(Vec<i64>) -> B) -> BTreeMap<Keyed<u64, B>, i64> {
    groups.into_iter().map(|(key, rows)| (Keyed { key, value: f(rows) }, 1)).collect()
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
    for n in [0, 1, 2, 3, usize::MAX] {
        compare!(|keyed| differential::top_n(n), |groups: Groups| {
            let top = |(key, rows): (u64, Vec<i64>)| {
                rows.into_iter().take(n).map(move |value| Keyed { key, value })
            };
            summed(groups.into_iter().flat_map(top))
        });
    }
}

#[test]
fn f3_the_least_and_the_greatest_are_known_when_the_one_before_them_is_taken_back() {
    compare!(|keyed| differential::min(), |groups| of_each(groups, |rows| rows[rows.len() - 1]));
    compare!(|keyed| differential::max(), |groups| of_each(groups, |rows| rows[0]));
}

#[test]
fn f3_sums_and_averages_do_not_drift() {
    let sum = |rows: &[i64]| rows.iter().map(|row| i128::from(*row)).sum::<i128>();
    let average = |rows: &[i64]| Average::of(sum(rows), rows.len() as u64).expect("there are rows");
    compare!(|keyed| differential::sum(), |groups| of_each(groups, |rows| sum(&rows)));
    compare!(|keyed| differential::average(), |groups| of_each(groups, |rows| average(&rows)));
}

#[test]
fn f4_the_count_of_an_emptied_group_disappears() {
    compare!(|keyed| differential::count(), |groups| of_each(groups, |rows| rows.len() as u64));
}

#[test]
fn f4_the_count_of_all_is_zero_where_there_is_none() {
    for changes in changes() {
        for batch in BATCHES {
            let seen = changed!(changes, batch, |plain| differential::count_all());
            holds_at_closed_times(&seen, |time| summed([all(there(&changes, time)).count() as u64]));
        }
    }
    let log = ChangeLog::default();
    let run = graph! {
        none = from_iter([0; 0]);
        none -> from_start() -> differential::count_all() -> record_changes(&log);
    };
    finish(run.run());
    let zero: Vec<Update<u64, LogicalTime, i64>> = updates(&take(&log));
    assert_eq!(zero, [Update { data: 0, time: LogicalTime(0), diff: 1 }]);
}

#[test]
fn g1_consolidated_changes_add_up_to_the_same() {
    compare!(|plain| differential::consolidate(), |groups| summed(all(groups)));
}

#[test]
fn g1_the_order_of_changes_at_one_time_does_not_matter() {
    for changes in changes() {
        let mut random = Random::new(changes.len() as u64);
        let mut sorted = changes.clone();
        sorted.sort_by_key(|change| change.2);
        let mut shuffled = sorted.clone();
        shuffled.chunk_by_mut(|one, other| one.2 == other.2).for_each(|time| random.shuffle(time));
        let net = |changes: Vec<Moved>| {
            let seen = changed!(changes, 7, |keyed| differential::top_n(2));
            let mut changes: Vec<_> =
                updates(&seen).into_iter().map(|row| (row.time, row.data, row.diff)).collect();
            changes.sort();
            changes
        };
        let expected = net(changes);
        assert_eq!(net(sorted), expected);
        assert_eq!(net(shuffled), expected);
    }
}

#[test]
fn g2_a_row_is_distinct_as_long_as_it_is_there() {
    compare!(|plain| differential::distinct(), |groups| all(groups)
        .map(|row| (row, 1))
        .collect::<BTreeMap<_, _>>());
}

#[test]
fn a_threshold_says_how_often_a_row_is_there() {
    compare!(
        |plain| differential::threshold(|row, weight| if row.1 % 2 == 0 { weight / 2 } else { -weight }),
        |groups| {
            let weighed = summed(all(groups)).into_iter();
            let weighed =
                weighed.map(|(row, weight)| (row, if row.1 % 2 == 0 { weight / 2 } else { -weight }));
            weighed.filter(|(_, weight)| *weight != 0).collect::<BTreeMap<_, _>>()
        }
    );
}

#[test]
fn what_is_negated_is_taken_back() {
    for changes in changes() {
        let log = ChangeLog::default();
        let run = graph! {
            changes = from_iter(changes);
            opposite = differential::negate();
            rows = broadcast();
            changes -> event_time(|change: &Moved| at(change.2), bounded(SLACK.micros())) -> diffs() -> rows;
            rows -> opposite;
            [rows, opposite] -> differential::consolidate() -> record_changes(&log);
        };
        finish(run.run()).assert_conserved();
        assert_eq!(updates(&take(&log)), [], "a collection without itself is empty");
    }
}

#[test]
fn g3_a_reduction_is_of_all_rows_of_a_key_and_of_nothing_else() {
    let median = |rows: &[(i64, i64)]| {
        let all: Vec<i64> = rows.iter().flat_map(|&(row, count)| (0..count).map(move |_| row)).collect();
        all[all.len() / 2]
    };
    compare!(|keyed| differential::reduce(|_, rows, out| out.push((median(rows), 1))), |groups| of_each(
        groups,
        |mut rows| {
            rows.reverse();
            rows[rows.len() / 2]
        }
    ));
}

type Row = Keyed<&'static str, i64>;

graph! {
    graph widths(changes: Update<Row, LogicalTime, i64>) -> (widths: Update<Row, LogicalTime, i64>) {
        width = differential::reduce(|_, rows, out| out.push((rows[rows.len() - 1].0 - rows[0].0, 1)));
        changes -> width -> widths;
    }
}

graph! {
    graph kinds(changes: Update<&'static str, LogicalTime, i64>) -> (kinds: Update<&'static str, LogicalTime, i64>) {
        kind = differential::distinct();
        changes -> kind -> kinds;
    }
}

graph! {
    graph totals(changes: Update<Row, LogicalTime, i64>) -> (totals: Update<Keyed<&'static str, i128>, LogicalTime, i64>) {
        total = differential::sum();
        changes -> total -> totals;
    }
}

graph! {
    graph sizes(changes: Update<Row, LogicalTime, i64>) -> (sizes: Update<Keyed<&'static str, u64>, LogicalTime, i64>) {
        size = differential::count();
        changes -> size -> sizes;
    }
}

graph! {
    graph best(changes: Update<Row, LogicalTime, i64>) -> (top: Update<Row, LogicalTime, i64>) {
        greatest = differential::top_n(2);
        changes -> greatest -> top;
    }
}

graph! {
    graph opposites(changes: Update<i64, LogicalTime, i64>) -> (opposites: Update<i64, LogicalTime, i64>) {
        opposite = differential::negate();
        changes -> opposite -> opposites;
    }
}

fn change<D>(data: D, time: u64, diff: i64) -> Update<D, LogicalTime, i64> {
    Update { data, time: LogicalTime(time), diff }
}

fn k(value: i64) -> Row {
    Keyed { key: "k", value }
}

/// The node that failed, and why.
fn failure(error: Error) -> (&'static str, String) {
    let Error::Failed { node, cause } = error else { panic!("{error:?}") };
    (node, cause.to_string())
}

#[test]
fn f2_what_does_not_change_who_is_among_the_greatest_emits_nothing() {
    let mut best = best::harness();
    [9, 8, 5].into_iter().for_each(|value| best.inputs.changes.update(change(k(value), 0, 1)));
    for (value, time, diff) in [(4, 1, 1), (5, 2, -1), (9, 3, 1), (9, 3, -1)] {
        best.inputs.changes.update(change(k(value), time, diff));
    }
    best.inputs.changes.update(change(k(9), 4, -1));
    best.finish().expect("nothing fails").assert_conserved();
    let expected =
        [(8, 0, 1), (9, 0, 1), (9, 4, -1), (4, 4, 1)].map(|(value, time, diff)| change(k(value), time, diff));
    assert_eq!(best.outputs.top.updates(), expected);
}

#[test]
fn f3_what_was_put_in_and_taken_back_many_times_leaves_nothing_behind() {
    let mut totals = totals::harness();
    for time in 0..1_000 {
        let value = i64::MAX - i64::try_from(time).expect("it is small");
        totals.inputs.changes.update(change(k(value), 2 * time, 3));
        totals.inputs.changes.update(change(k(value), 2 * time + 1, -3));
    }
    totals.inputs.changes.update(change(k(1), 2_000, 1));
    totals.finish().expect("nothing fails").assert_conserved();
    let changes = totals.outputs.totals.updates();
    assert_eq!(changes.len(), 2_001, "each sum comes and goes, and there is no sum of 0");
    assert_eq!(changes.last().map(|change| change.data.value), Some(1));
}

#[test]
fn g2_a_weight_below_zero_is_an_error_that_names_the_node_and_the_key() {
    let mut kinds = kinds::harness();
    kinds.inputs.changes.update(change("warp", 10, -1));
    kinds.inputs.changes.update(change("warp", 10, 1));
    kinds.inputs.changes.update(change("silk", 12, 1));
    kinds.inputs.changes.update(change("weft", 12, -1));
    kinds.inputs.changes.advance_to(LogicalTime(12));
    kinds.try_settle().expect("within one time rows may come and go in any order");
    kinds.inputs.changes.advance_to(LogicalTime(13));
    let (node, cause) = failure(kinds.try_settle().expect_err("there was no weft"));
    assert_eq!(node, "kind");
    assert!(cause.contains("key \"weft\"") && cause.contains("12"), "{cause}");
    assert_eq!(kinds.outputs.kinds.updates(), [], "nothing of an unsound time is emitted");
}

#[test]
fn g2_a_run_that_ends_with_what_cannot_be_fails() {
    let changes = [(1, 5, 10, 1), (2, 5, 11, -1)];
    let run = graph! {
        changes = from_iter(changes);
        counts = differential::count();
        changes -> event_time(|change: &Moved| at(change.2), bounded(SLACK.micros())) -> diffs() -> keyed() -> counts;
        counts -> discard;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(run.run()).expect_err("2 had no row");
    assert!(error.to_string().contains("key 2"), "{error}");
    assert_eq!(failure(error).0, "counts");
}

#[test]
fn g2_rows_that_were_never_there_cannot_be_taken_back() {
    for (values, diffs) in [([1, 2], [1, -1]), ([1, 2], [-1, 1])] {
        let (mut best, mut totals) = (best::harness(), totals::harness());
        for (value, diff) in values.into_iter().zip(diffs) {
            best.inputs.changes.update(change(k(value), 0, diff));
            totals.inputs.changes.update(change(k(value), 0, diff));
        }
        assert_eq!(failure(best.finish().expect_err("one was never there")).0, "greatest");
        assert_eq!(failure(totals.finish().expect_err("no rows do not add up to 1")).0, "total");
    }
}

#[test]
fn g3_a_result_that_stays_the_same_is_not_emitted_again() {
    let mut widths = widths::harness();
    for (value, time, diff) in
        [(1, 0, 1), (9, 0, 1), (5, 1, 1), (1, 2, -1), (9, 2, -1), (3, 2, 1), (11, 2, 1), (4, 3, 1)]
    {
        widths.inputs.changes.update(change(k(value), time, diff));
    }
    widths.inputs.changes.update(change(k(3), 4, -1));
    widths.finish().expect("nothing fails").assert_conserved();
    assert_eq!(
        widths.outputs.widths.updates(),
        [change(k(8), 0, 1), change(k(8), 4, -1), change(k(7), 4, 1)]
    );
}

#[test]
#[cfg(debug_assertions)]
fn g3_a_function_that_is_not_pure_is_found_out() {
    let mut calls = 0;
    let run = graph! {
        rows = from_iter([1, 2]);
        numbered = differential::reduce(|_, _, out| {
            calls += 1;
            out.push((calls, 1));
        });
        rows -> from_start() -> key_by(|row| *row) -> numbered -> discard;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(run.run()).expect_err("the function counts its calls");
    let told = error.to_string();
    assert!(told.contains("numbered") && told.contains("not pure") && told.contains("key 1"), "{told}");
}

#[test]
fn g4_more_than_can_be_counted_is_an_error() {
    let mut sizes = sizes::harness();
    sizes.inputs.changes.update(change(k(1), 0, i64::MAX));
    sizes.inputs.changes.update(change(k(2), 1, 1));
    let (node, cause) = failure(sizes.finish().expect_err("it is one too many"));
    assert_eq!(node, "size");
    assert!(cause.contains("more rows of key \"k\" than can be counted"), "{cause}");

    let mut opposites = opposites::harness();
    opposites.inputs.changes.update(change(7, 0, i64::MIN));
    let (node, cause) = failure(opposites.finish().expect_err("it has no opposite"));
    assert_eq!(node, "opposite");
    assert!(cause.contains("key 7"), "{cause}");
}

#[test]
fn a_change_behind_the_frontier_takes_effect_at_the_least_time_that_is_open() {
    let mut best = best::harness();
    best.inputs.changes.update(change(k(5), 0, 1));
    best.inputs.changes.advance_to(LogicalTime(4));
    best.inputs.changes.update(change(k(6), 1, 1));
    best.finish().expect("nothing fails").assert_conserved();
    assert_eq!(best.outputs.top.updates(), [change(k(5), 0, 1), change(k(6), 4, 1)]);
}

#[test]
fn an_append_only_stream_is_one_of_changes() {
    let log = ChangeLog::default();
    let run = graph! {
        words = from_iter(["to", "be", "or", "not", "to", "be"]);
        words -> epochs(4) -> key_by(|word| *word) -> differential::count() -> record_changes(&log);
    };
    finish(run.run()).assert_conserved();
    let counts = updates(&take(&log)).into_iter();
    let counts: Vec<_> = counts.map(|row| (row.data.key, row.data.value, row.time.0, row.diff)).collect();
    let first = [("to", 1, 0, 1), ("be", 1, 0, 1), ("or", 1, 0, 1), ("not", 1, 0, 1)];
    assert_eq!(counts[..4], first);
    assert_eq!(counts[4..], [("to", 1, 1, -1), ("to", 2, 1, 1), ("be", 1, 1, -1), ("be", 2, 1, 1)]);
}
