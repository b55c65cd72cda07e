//! Every reduction against one that computes from all changes, at every time of a grid, outside of loops and in them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::*;
use crate::differential::{Later, Unary, Unsound};
use crate::envelope::Keyed;
use crate::state::Chance;
use crate::time::{LogicalTime, Nested};

/// Times of which all can be gone through.
trait Grid: Lattice {
    fn all() -> Vec<Self>;

    /// Whether what is changed here counts there.
    fn counts_at(&self, there: &Self) -> bool;
}

impl Grid for LogicalTime {
    fn all() -> Vec<Self> {
        (0..6).map(LogicalTime).collect()
    }

    fn counts_at(&self, there: &Self) -> bool {
        self <= there
    }
}

impl<T: Grid> Grid for Nested<T> {
    fn all() -> Vec<Self> {
        let rounds = |outer| (0..4).map(move |round| Nested { outer, round });
        T::all().into_iter().flat_map(rounds).collect()
    }

    fn counts_at(&self, there: &Self) -> bool {
        self.outer.counts_at(&there.outer) && self.round <= there.round
    }
}

type Changed<D, T> = (D, T, i64);

/// Works on changes time by time, as an operator does.
fn drive<T: Lattice, D, W: Unary<D, T, i64>>(
    worker: &mut W,
    changes: Vec<Changed<D, T>>,
) -> Result<Vec<(W::Row, T, W::Diff)>, Unsound> {
    let mut waiting: BTreeMap<T, Vec<(D, i64)>> = BTreeMap::new();
    for (data, time, by) in changes {
        waiting.entry(time).or_default().push((data, by));
    }
    let (mut later, mut emitted) = (Later::default(), Vec::new());
    while let Some(time) = waiting.keys().next().copied().into_iter().chain(later.next_time()).min() {
        let mut changes = waiting.remove(&time).unwrap_or_default();
        let again = later.take(&time);
        worker.work(&time, &mut changes, again, &mut later, |row, at, diff| {
            assert_eq!(at, time);
            emitted.push((row, at, diff));
        })?;
        assert!(later.next_time().is_none_or(|next| next > time));
    }
    Ok(emitted)
}

/// What changes add up to at a time.
fn at<T: Grid, D: Ord + Clone>(changes: &[Changed<D, T>], time: &T) -> BTreeMap<D, i64> {
    let mut sums = BTreeMap::new();
    for (data, _, by) in changes.iter().filter(|(_, at, _)| at.counts_at(time)) {
        *sums.entry(data.clone()).or_insert(0) += by;
    }
    sums.retain(|_, by| *by != 0);
    sums
}

/// Asserts that what was emitted is, at every time, what the rows there come to, and no more than that.
fn holds<T: Grid, D: Ord + Clone + Debug, B: Ord + Clone + Debug>(
    changes: &[Changed<D, T>],
    emitted: &[Changed<B, T>],
    naive: impl Fn(BTreeMap<D, i64>) -> BTreeMap<B, i64>,
) {
    for time in T::all() {
        let expected = naive(at(changes, &time));
        assert_eq!(at(emitted, &time), expected, "at {time:?}, of {changes:?}");
        let mut now: Vec<_> = emitted.iter().filter(|change| change.1 == time).collect();
        assert!(now.iter().all(|change| change.2 != 0));
        now.sort();
        assert!(now.windows(2).all(|two| two[0].0 != two[1].0), "a row is emitted twice at {time:?}");
    }
}

/// Rows that come and go, each of them gone only where it has been: their keys, their values, and how often.
fn changes<T: Grid>(seed: u64) -> Vec<Changed<(u64, i32), T>> {
    let mut chance = Chance(seed);
    let times = T::all();
    let keys = [1, 2, 5][chance.below(3)];
    let values = [1, 3, 8, 90][chance.below(4)];
    let rows = [3, 10, 30, 120][chance.below(4)];
    let mut changes = Vec::new();
    for _ in 0..rows {
        let row = (chance.below(keys) as u64, chance.below(values) as i32 - 2);
        let comes = times[chance.below(times.len())];
        let by = 1 + chance.below(2) as i64;
        changes.push((row, comes, by));
        let goes: Vec<_> = times.iter().filter(|time| comes.counts_at(time)).collect();
        if chance.below(3) > 0 {
            changes.push((row, *goes[chance.below(goes.len())], -by));
        }
    }
    for end in (1..changes.len()).rev() {
        changes.swap(end, chance.below(end + 1));
    }
    changes
}

/// Runs a reduction of keyed rows on random changes, in every kind of time, and compares.
macro_rules! compare {
    (@in $time:ty, $seeds:expr, $reduction:expr, $take:expr, $give:expr, $naive:expr) => {
        for seed in $seeds {
            let changes = changes::<$time>(seed);
            let rows = changes.iter().map(|(row, time, by)| ($take(*row), *time, *by)).collect();
            let mut reducer = Reducer::<_, $time>::new($reduction);
            let emitted = drive(&mut reducer, rows).expect("no row is gone before it has come");
            let emitted: Vec<_> = emitted.into_iter().map(|(row, time, by)| ($give(row), time, by)).collect();
            holds(&changes, &emitted, $naive);
            if at(&changes, <$time>::all().last().expect("there are times")).is_empty() {
                assert!(reducer.is_steady(), "what has no rows at the end comes to nothing then");
            }
        }
    };
    ($reduction:expr, of $take:expr, to $give:expr, naive $naive:expr) => {{
        compare!(@in LogicalTime, 0..120, $reduction, $take, $give, $naive);
        compare!(@in Nested<LogicalTime>, 0..120, $reduction, $take, $give, $naive);
        compare!(@in Nested<Nested<LogicalTime>>, 0..60, $reduction, $take, $give, $naive);
    }};
}

fn keyed((key, value): (u64, i32)) -> Keyed<u64, i32> {
    Keyed { key, value }
}

fn unkeyed<K, V>(row: Keyed<K, V>) -> (K, V) {
    (row.key, row.value)
}

/// The rows of each key.
fn by_key(rows: BTreeMap<(u64, i32), i64>) -> BTreeMap<u64, Vec<(i32, i64)>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for ((key, value), count) in rows {
        groups.entry(key).or_default().push((value, count));
    }
    groups
}

/// One result of each key.
fn of_each<B: Ord>(
    rows: BTreeMap<(u64, i32), i64>,
    f: impl Fn(Vec<(i32, i64)>) -> B,
) -> BTreeMap<(u64, B), i64> {
    by_key(rows).into_iter().map(|(key, rows)| ((key, f(rows)), 1)).collect()
}

#[test]
fn g2_distinct_rows_are_those_that_are_there() {
    let naive = |rows: BTreeMap<_, _>| rows.into_keys().map(|row| (row, 1)).collect();
    compare!(Distinct::new(), of |row| row, to |row| row, naive naive);
}

#[test]
fn a_threshold_is_a_function_of_each_row_and_its_weight() {
    let f = |row: &(u64, i32), weight: &i64| if row.1 % 2 == 0 { weight / 2 } else { -weight };
    let naive = |rows: BTreeMap<_, _>| {
        let weighed = rows.into_iter().map(|(row, weight)| (row, f(&row, &weight)));
        weighed.filter(|(_, weight)| *weight != 0).collect()
    };
    compare!(Threshold::new(f), of |row| row, to |row| row, naive naive);
}

#[test]
fn f4_counts_are_of_keys_that_have_rows() {
    let count = |rows: Vec<(i32, i64)>| rows.iter().map(|row| row.1.unsigned_abs()).sum::<u64>();
    compare!(CountByKey::new(), of keyed, to unkeyed, naive |rows| of_each(rows, count));
}

#[test]
fn f3_sums_are_of_what_is_there() {
    let sum =
        |rows: Vec<(i32, i64)>| rows.iter().map(|row| i128::from(row.0) * i128::from(row.1)).sum::<i128>();
    compare!(SumByKey::new(), of keyed, to unkeyed, naive |rows| of_each(rows, sum));
}

#[test]
fn f3_averages_are_of_what_is_there() {
    let average = |rows: Vec<(i32, i64)>| {
        let sum = rows.iter().map(|row| i128::from(row.0) * i128::from(row.1)).sum();
        Average::of(sum, rows.iter().map(|row| row.1.unsigned_abs()).sum()).expect("there are rows")
    };
    compare!(AverageByKey::new(), of keyed, to unkeyed, naive |rows| of_each(rows, average));
}

#[test]
fn f3_the_least_and_the_greatest_are_of_what_is_there() {
    let least = |rows: Vec<(i32, i64)>| rows.first().expect("there are rows").0;
    compare!(ExtremeByKey::<_, _, false>::new(), of keyed, to unkeyed, naive |rows| of_each(rows, least));
    let greatest = |rows: Vec<(i32, i64)>| rows.last().expect("there are rows").0;
    compare!(ExtremeByKey::<_, _, true>::new(), of keyed, to unkeyed, naive |rows| of_each(rows, greatest));
}

#[test]
fn f2_the_greatest_rows_are_those_of_all() {
    for n in [0, 1, 3, usize::MAX] {
        let naive = |rows| {
            let each = |(key, rows): (u64, Vec<(i32, i64)>)| {
                let rows = rows.into_iter().rev().flat_map(|(row, count)| (0..count).map(move |_| row));
                rows.take(n).map(move |row| (key, row)).collect::<Vec<_>>()
            };
            let mut top = BTreeMap::new();
            by_key(rows).into_iter().flat_map(each).for_each(|row| *top.entry(row).or_insert(0) += 1);
            top
        };
        compare!(TopByKey::new(n), of keyed, to unkeyed, naive naive);
    }
}

#[test]
fn g3_a_reduction_is_a_function_of_the_rows_of_each_key() {
    // As many of each value as there are rows above it, and the number of values, taken back.
    let f = |rows: &[(i32, i64)], out: &mut Vec<(i32, i64)>| {
        assert!(rows.is_sorted_by(|one, other| one.0 < other.0) && rows.iter().all(|row| row.1 != 0));
        for (at, (value, _)) in rows.iter().enumerate() {
            out.push((*value, rows[at + 1..].iter().map(|row| row.1).sum()));
            out.push((1_000, -1));
        }
    };
    let naive = |rows| {
        let mut sums = BTreeMap::new();
        for (key, rows) in by_key(rows) {
            let mut out = Vec::new();
            f(&rows, &mut out);
            out.into_iter().for_each(|(row, by)| *sums.entry((key, row)).or_insert(0) += by);
        }
        sums.retain(|_, by| *by != 0);
        sums
    };
    let reduction =
        || FunctionByKey::new(|_: &u64, rows: &[(i32, i64)], out: &mut Vec<(i32, i64)>| f(rows, out));
    compare!(reduction(), of keyed, to unkeyed, naive naive);
}

fn counts_all<T: Grid>(seed: u64) {
    let changes = changes::<T>(seed);
    let (mut reducer, place) = Reducer::<_, T>::with_key(CountAll::new(), ());
    let mut later = Later::default();
    let mut emitted = Vec::new();
    reducer
        .work(&T::minimum(), &mut Vec::new(), vec![place], &mut later, |row, at, by| {
            emitted.push((row, at, by))
        })
        .expect("nothing is wrong with nothing");
    emitted.extend(drive(&mut reducer, changes.clone()).expect("no row is gone before it has come"));
    let mut sums = BTreeMap::new();
    emitted.iter().for_each(|(count, at, by)| *sums.entry((*count, *at)).or_insert(0) += by);
    let emitted: Vec<_> =
        sums.into_iter().filter(|(_, by)| *by != 0).map(|((row, at), by)| (row, at, by)).collect();
    holds(&changes, &emitted, |rows| [(rows.values().sum::<i64>().unsigned_abs(), 1)].into());
}

#[test]
fn f4_there_is_a_count_of_all_at_every_time() {
    (0..120).for_each(counts_all::<LogicalTime>);
    (0..120).for_each(counts_all::<Nested<LogicalTime>>);
    (0..60).for_each(counts_all::<Nested<Nested<LogicalTime>>>);
}

#[test]
fn g2_what_is_taken_back_too_early_fails_at_the_time_at_which_that_shows() {
    let at = |time, round| Nested { outer: LogicalTime(time), round };
    // There in rounds 0 to 4, and then taken back from round 0 on.
    let changes = vec![("row", at(1, 0), 1), ("row", at(1, 5), -1), ("row", at(2, 0), -1)];
    let error = drive(&mut Reducer::new(Distinct::new()), changes).expect_err("it is gone twice in round 5");
    assert_eq!(error, Unsound::negative(&"row", &at(2, 5)));
}

#[test]
fn g1_what_comes_to_nothing_is_no_change() {
    let time = LogicalTime(0);
    let changes = vec![("row", time, -1), ("row", time, 1), ("full", time, i64::MAX), ("other", time, 0)];
    let later = LogicalTime(1);
    let more =
        vec![("full", later, 1), ("full", later, -1), ("gone", later, i64::MAX), ("gone", later, -i64::MAX)];
    let mut reducer = Reducer::new(Distinct::new());
    let emitted = drive(&mut reducer, [changes, more].concat()).expect("no time is unsound");
    assert_eq!(emitted, [("full", time, 1)]);
}
