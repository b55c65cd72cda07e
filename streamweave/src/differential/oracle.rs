//! Workers against functions of collections, which look at everything at every time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use super::{Binary, Later, Unsound};
use crate::envelope::Keyed;
use crate::time::{Lattice, LogicalTime, Nested};

/// A row of a test.
pub(super) type Row = Keyed<u8, u8>;

/// Changes: what, when, by how much.
pub(super) type Changes<D, T> = Vec<(D, T, i64)>;

/// So many of each.
pub(super) type Collection<D> = BTreeMap<D, i64>;

/// Numbers that look random.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

/// A time of a test.
pub(super) trait TestTime: Lattice {
    /// All that are looked at, in order.
    fn all() -> Vec<Self>;

    /// The least time at or after both.
    fn after_both(self, other: Self) -> Self;

    /// Whether what changes at this time counts at another.
    fn counts_at(self, other: Self) -> bool {
        self.after_both(other) == other
    }
}

impl TestTime for LogicalTime {
    fn all() -> Vec<Self> {
        (0..4).map(LogicalTime).collect()
    }

    fn after_both(self, other: Self) -> Self {
        self.max(other)
    }
}

impl<T: TestTime> TestTime for Nested<T> {
    fn all() -> Vec<Self> {
        let times = T::all().into_iter();
        times.flat_map(|outer| (0..4).map(move |round| Nested { outer, round })).collect()
    }

    fn after_both(self, other: Self) -> Self {
        Nested { outer: self.outer.after_both(other.outer), round: self.round.max(other.round) }
    }
}

/// Rows that come, some of which go: there is none less than zero times at any time.
pub(super) fn random_rows<T: TestTime>(random: &mut Random) -> Changes<Row, T> {
    let times = T::all();
    let mut changes = Vec::new();
    for _ in 0..random.below(14) {
        let mut any = || times[random.below(times.len() as u64) as usize];
        let (from, to) = (any(), any());
        let row = Keyed { key: random.below(3) as u8, value: random.below(3) as u8 };
        changes.push((row, from, 1));
        if random.below(3) > 0 {
            changes.push((row, from.after_both(to), -1));
        }
    }
    changes
}

/// What has come about by a time.
pub(super) fn collection<D: Ord + Clone, T: TestTime>(changes: &Changes<D, T>, time: T) -> Collection<D> {
    let mut rows = Collection::new();
    for (row, at, diff) in changes {
        if at.counts_at(time) {
            *rows.entry(row.clone()).or_default() += diff;
        }
    }
    rows.retain(|_, diff| *diff != 0);
    rows
}

/// What a worker makes of changes, fed time by time.
pub(super) fn run<W, D, T>(
    worker: &mut W,
    left: &Changes<Row, T>,
    right: &Changes<Row, T>,
) -> Result<Changes<D, T>, Unsound>
where
    T: Lattice,
    W: Binary<Row, Row, T, i64, i64, Row = D, Diff = i64>,
{
    let (mut out, mut later) = (Vec::new(), Later::default());
    let mut times: BTreeSet<T> = left.iter().chain(right).map(|change| change.1).collect();
    while let Some(time) = times.first().copied().into_iter().chain(later.next_time()).min() {
        times.remove(&time);
        let at = |changes: &Changes<Row, T>| {
            let changes = changes.iter().filter(|change| change.1 == time);
            changes.map(|&(row, _, diff)| (row, diff)).collect::<Vec<_>>()
        };
        let again = later.take(&time);
        worker.work(&time, &mut at(left), &mut at(right), again, &mut later, |row, at, diff| {
            assert!(at >= time, "{at:?} is behind {time:?}");
            out.push((row, at, diff));
        })?;
        assert!(later.next_time().is_none_or(|next| next > time), "it looks again at {time:?}");
    }
    Ok(out)
}

/// Compares a worker with a function of collections, at every time; nothing that has not changed may come out.
pub(super) fn compare<T, W, D>(
    new: impl Fn() -> W,
    expected: impl Fn(&Collection<Row>, &Collection<Row>) -> Collection<D>,
) where
    T: TestTime,
    D: Ord + Clone + Debug,
    W: Binary<Row, Row, T, i64, i64, Row = D, Diff = i64>,
{
    for seed in 0..200 {
        let random = &mut Random::new(seed);
        let left = random_rows::<T>(random);
        let right = if random.below(8) == 0 { left.clone() } else { random_rows(random) };
        let out = run(&mut new(), &left, &right).expect("there is such a collection");
        for time in T::all() {
            let expected = expected(&collection(&left, time), &collection(&right, time));
            let told = format!("seed {seed} at {time:?}\n left {left:?}\n right {right:?}\n out {out:?}");
            assert_eq!(collection(&out, time), expected, "{told}");
        }
        assert!(out.iter().all(|change| change.2 != 0), "seed {seed}: a change of nothing in {out:?}");
    }
}

/// The same for plain time, in a loop and in a loop in a loop.
macro_rules! against_oracle {
    ($($name:ident: $new:expr, $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            use crate::differential::oracle::compare;
            use crate::time::{LogicalTime, Nested};
            compare::<LogicalTime, _, _>(|| $new, $expected);
            compare::<Nested<LogicalTime>, _, _>(|| $new, $expected);
            compare::<Nested<Nested<LogicalTime>>, _, _>(|| $new, $expected);
        }
    )*};
}
pub(super) use against_oracle;
