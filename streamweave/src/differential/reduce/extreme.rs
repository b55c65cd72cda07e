//! The least and the greatest value of each key.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Group, Reduced, Reduction, reduced};
use crate::differential::bound::{Accumulates, Shown};
use crate::envelope::{Keyed, ToDiff};
use crate::operator::{Key, Ranked};
use crate::port::Edge;
use crate::time::Lattice;

/// The least value of each key (rule F3); where it goes, the next one takes its place, and where the last row of a key goes, nothing does.
///
/// For labels that spread in a loop and shortest ways. Where nothing is taken back there is
/// [`operator::keyed::min`](crate::operator::keyed::min()), which keeps one value a key; for more than one value there is
/// [`top_n`](super::top_n()).
///
/// See [`differential`](crate::differential) for when it emits. Keeps every different value that is there, in order: a change costs `O(log values)`,
/// however many there are.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph cheapest(offers: Update<Keyed<&'static str, u32>, LogicalTime, i64>)
///         -> (best: Update<Keyed<&'static str, u32>, LogicalTime, i64>)
///     {
///         offers -> differential::min() -> best;
///     }
/// }
///
/// let mut graph = cheapest::harness();
/// for (value, time, diff) in [(40, 0, 1), (70, 0, 1), (50, 1, 1), (40, 2, -1), (50, 3, -1), (70, 3, -1)] {
///     graph.inputs.offers.update(Update { data: Keyed { key: "tea", value }, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.best.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.value, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, 40, 1), (2, 40, -1), (2, 50, 1), (3, 50, -1)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](crate::differential::Unsound), which names the key, where a value was taken back more often than it was there,
/// or is there more often than 63 bits can count. In a loop this is noticed of the values that change, and of those that are before the least.
pub fn min<K: Key + Shown, V: Ranked, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
) -> Extremes<K, V, T, false> {
    <K as Key>::node(<K as Shown>::node(V::node(T::node(reduced(ExtremeByKey::new())))))
}

/// The greatest value of each key (rule F3); see [`min`].
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph highest(bids: Update<Keyed<&'static str, u32>, LogicalTime, i64>)
///         -> (best: Update<Keyed<&'static str, u32>, LogicalTime, i64>)
///     {
///         bids -> differential::max() -> best;
///     }
/// }
///
/// let mut graph = highest::harness();
/// for (value, time, diff) in [(40, 0, 1), (70, 0, 1), (70, 1, -1)] {
///     graph.inputs.bids.update(Update { data: Keyed { key: "tea", value }, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.best.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.value, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, 70, 1), (1, 70, -1), (1, 40, 1)]);
/// ```
///
/// # Errors
///
/// As [`min`] has.
pub fn max<K: Key + Shown, V: Ranked, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
) -> Extremes<K, V, T, true> {
    <K as Key>::node(<K as Shown>::node(V::node(T::node(reduced(ExtremeByKey::new())))))
}

type Extremes<K, V, T, const GREATEST: bool> = <K as Key>::Node<
    <K as Shown>::Node<
        <V as Ranked>::Node<
            <T as Accumulates>::Node<
                Reduced<ExtremeByKey<K, V, GREATEST>, T, Keyed<K, V>, i64, Keyed<K, V>, i64>,
            >,
        >,
    >,
>;

/// See [`min`] and [`max`].
#[derive(Clone, Copy, Debug)]
pub struct ExtremeByKey<K, V, const GREATEST: bool>(PhantomData<fn(K, V)>);

impl<K, V, const GREATEST: bool> ExtremeByKey<K, V, GREATEST> {
    pub(super) fn new() -> Self {
        ExtremeByKey(PhantomData)
    }
}

impl<K, V, const GREATEST: bool> Reduction for ExtremeByKey<K, V, GREATEST>
where
    K: Hash + Eq + Clone + Debug,
    V: Ord + Clone,
{
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

    #[inline]
    fn results<T: Lattice>(&mut self, _key: &K, rows: &Group<'_, Self, T>, results: &mut Vec<(V, i64)>) {
        let extreme = if GREATEST { rows.descending().next() } else { rows.ascending().next() };
        results.extend(extreme.map(|(value, _)| (value.clone(), 1)));
    }

    #[inline]
    fn row(key: &K, value: V) -> Keyed<K, V> {
        Keyed { key: key.clone(), value }
    }
}
