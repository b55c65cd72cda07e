//! The greatest rows of each key.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Group, Reduced, Reduction, reduced};
use crate::differential::bound::{Accumulates, Shown};
use crate::envelope::{Keyed, ToDiff};
use crate::operator::{Key, Ranked};
use crate::port::Edge;
use crate::time::Lattice;

/// The `n` greatest rows of each key (rule F2).
///
/// A row that is there three times counts three times; ties there are none, for rows that compare equal are one row. Where one of the `n` goes, the
/// next greatest takes its place; what does not change who is among them emits nothing, and `n` = 0 never emits. The least are the greatest of
/// [`Reverse`](std::cmp::Reverse).
///
/// See [`differential`](crate::differential) for when it emits. Keeps every different row that is there, in order: a change costs
/// `O(log rows)`, and `O(n)` for each key and time.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph podium(scores: Update<Keyed<&'static str, u32>, LogicalTime, i64>)
///         -> (best: Update<Keyed<&'static str, u32>, LogicalTime, i64>)
///     {
///         scores -> differential::top_n(2) -> best;
///     }
/// }
///
/// let mut podium = podium::harness();
/// for (value, time, diff) in [(40, 0, 1), (70, 0, 1), (50, 0, 1), (60, 1, 1), (70, 2, -1), (1, 3, 1)] {
///     podium.inputs.scores.update(Update { data: Keyed { key: "tea", value }, time: LogicalTime(time), diff });
/// }
/// podium.finish().expect("nothing fails").assert_conserved();
/// let changes = podium.outputs.best.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.value, change.diff));
/// assert_eq!(
///     Vec::from_iter(changes),
///     [(0, 50, 1), (0, 70, 1), (1, 50, -1), (1, 60, 1), (2, 70, -1), (2, 50, 1)],
/// );
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](crate::differential::Unsound), which names the key, where a row was taken back more often than it was there,
/// or is there more often than 63 bits can count. In a loop this is noticed of the rows that change, and of the `n` greatest.
#[doc(alias = "rank")]
pub fn top_n<K: Key + Shown, V: Ranked, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
    n: usize,
) -> <K as Key>::Node<
    <K as Shown>::Node<V::Node<T::Node<Reduced<TopByKey<K, V>, T, Keyed<K, V>, i64, Keyed<K, V>, i64>>>>,
> {
    <K as Key>::node(<K as Shown>::node(V::node(T::node(reduced(TopByKey::new(n))))))
}

/// See [`top_n`].
#[derive(Clone, Copy, Debug)]
pub struct TopByKey<K, V> {
    n: i64,
    of: PhantomData<fn(K, V)>,
}

impl<K, V> TopByKey<K, V> {
    pub(super) fn new(n: usize) -> Self {
        TopByKey { n: i64::try_from(n).unwrap_or(i64::MAX), of: PhantomData }
    }
}

impl<K: Hash + Eq + Clone + Debug, V: Ord + Clone> Reduction for TopByKey<K, V> {
    type Data = Keyed<K, V>;
    type By = i64;
    type Key = K;
    type Value = V;
    type Weight = i64;
    type Output = V;
    type Diff = i64;
    type Row = Keyed<K, V>;

    #[inline]
    fn take(&mut self, row: Keyed<K, V>, by: i64) -> (K, V, Option<i64>) {
        (row.key, row.value, Some(by))
    }

    fn is_sound(weight: &i64) -> bool {
        *weight >= 0
    }

    fn results<T: Lattice>(&mut self, _key: &K, rows: &Group<'_, Self, T>, results: &mut Vec<(V, i64)>) {
        let mut left = self.n;
        let mut rows = rows.descending();
        while left > 0
            && let Some((row, count)) = rows.next()
        {
            let taken = count.min(left);
            left -= taken;
            results.push((row.clone(), taken));
        }
    }

    #[inline]
    fn row(key: &K, value: V) -> Keyed<K, V> {
        Keyed { key: key.clone(), value }
    }
}
