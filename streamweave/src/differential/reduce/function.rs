//! A function of the rows of each key.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Group, Reduced, Reduction, reduced};
use crate::differential::bound::{Accumulates, Reduces, Shown};
use crate::envelope::{Abelian, Keyed, ToDiff};
use crate::operator::{Key, Ranked};
use crate::port::Edge;
use crate::time::Lattice;

/// What `f(key, rows, out)` makes of the rows of each key (rule G3).
///
/// `f` is given a key and the different values of its rows, in their order, each with how often it is there, which is not zero; it adds to
/// `out`, which is empty, what they come to, in any order, each with how often. It is called for a key at the times at which its rows
/// change, and not where there are none: what a key without rows comes to is nothing. Results that stay the same are not emitted again.
///
/// `f` has to be pure: the same rows give the same results. Where debug assertions are on it is called twice each time, and a
/// difference panics.
///
/// Each call costs the whole group, whose values are cloned for it: for what is below, prefer [`count`](super::count()), [`sum`](super::sum()),
/// [`average`](super::average()), [`min`](super::min()), [`max`](super::max()) and [`top_n`](super::top_n()), which do not look at all of it. A weight below zero is no error here,
/// and given to `f`. See [`differential`](crate::differential) for when it emits. Keeps every different row that is there, and the results.
///
/// # Examples
///
/// The median of each key:
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph medians(delays: Update<Keyed<&'static str, i32>, LogicalTime, i64>)
///         -> (median: Update<Keyed<&'static str, i32>, LogicalTime, i64>)
///     {
///         delays -> differential::reduce(|_, rows, out| {
///             let total: i64 = rows.iter().map(|(_, count)| count).sum();
///             let mut before = 0;
///             let median = rows.iter().find(|(_, count)| {
///                 before += count;
///                 2 * before >= total
///             });
///             out.extend(median.map(|(delay, _)| (*delay, 1)));
///         }) -> median;
///     }
/// }
///
/// let mut graph = medians::harness();
/// for (value, time, diff) in [(5, 0, 1), (-3, 0, 1), (90, 0, 1), (70, 1, 1), (6, 1, 1), (90, 2, -1), (70, 2, -1)] {
///     graph.inputs.delays.update(Update { data: Keyed { key: "EWR", value }, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.median.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.value, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, 5, 1), (1, 5, -1), (1, 6, 1), (2, 6, -1), (2, 5, 1)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](crate::differential::Unsound), which names the key, where a weight is greater than can be counted (rule G4).
///
/// # Panics
///
/// Where debug assertions are on and `f` is not pure.
#[doc(alias = "group")]
pub fn reduce<K: Key + Shown, V: Ranked, T: Accumulates, R: ToDiff, B: Ranked, S: Abelian, F>(
    _input: Edge<Keyed<K, V>, T, R>,
    f: F,
) -> <K as Key>::Node<
    <K as Shown>::Node<
        V::Node<
            B::Node<
                T::Node<
                    F::Node<
                        Reduced<
                            FunctionByKey<K, V, R::Diff, B, S, F>,
                            T,
                            Keyed<K, V>,
                            R::Diff,
                            Keyed<K, B>,
                            S,
                        >,
                    >,
                >,
            >,
        >,
    >,
>
where
    F: Reduces<K, V, R::Diff, B, S>,
{
    let node = reduced(FunctionByKey::new(f));
    <K as Key>::node(<K as Shown>::node(V::node(B::node(T::node(F::node(node))))))
}

/// See [`reduce`].
#[derive(Clone, Debug)]
pub struct FunctionByKey<K, V, R, B, S, F> {
    f: F,
    rows: Vec<(V, R)>,
    of: PhantomData<fn(K) -> (B, S)>,
}

impl<K, V, R, B, S, F> FunctionByKey<K, V, R, B, S, F> {
    pub(super) fn new(f: F) -> Self {
        FunctionByKey { f, rows: Vec::new(), of: PhantomData }
    }
}

impl<K, V, R, B, S, F> FunctionByKey<K, V, R, B, S, F>
where
    K: Debug,
    B: Ord,
    S: Abelian,
    F: FnMut(&K, &[(V, R)], &mut Vec<(B, S)>),
{
    /// Calls the function once more, and compares.
    fn replay(&mut self, key: &K, results: &mut [(B, S)]) {
        let mut again = Vec::with_capacity(results.len());
        (self.f)(key, &self.rows, &mut again);
        let by_row = |one: &(B, S), other: &(B, S)| one.0.cmp(&other.0);
        results.sort_by(by_row);
        again.sort_by(by_row);
        assert!(
            *results == *again,
            "the function of `reduce` is not pure: the same rows of key {key:?} gave something else the second time"
        );
    }
}

impl<K, V, R, B, S, F> Reduction for FunctionByKey<K, V, R, B, S, F>
where
    K: Hash + Eq + Clone + Debug,
    V: Ord + Clone,
    R: Abelian,
    B: Ord + Clone,
    S: Abelian,
    F: FnMut(&K, &[(V, R)], &mut Vec<(B, S)>),
{
    type Data = Keyed<K, V>;
    type By = R;
    type Key = K;
    type Value = V;
    type Weight = R;
    type Output = B;
    type Diff = S;
    type Row = Keyed<K, B>;

    #[inline]
    fn take(&mut self, row: Keyed<K, V>, by: R) -> (K, V, Option<R>) {
        (row.key, row.value, Some(by))
    }

    fn results<T: Lattice>(&mut self, key: &K, rows: &Group<'_, Self, T>, results: &mut Vec<(B, S)>) {
        self.rows.clear();
        self.rows.extend(rows.ascending().map(|(value, weight)| (value.clone(), weight)));
        if self.rows.is_empty() || rows.is_faulty() {
            return;
        }
        (self.f)(key, &self.rows, results);
        if cfg!(debug_assertions) {
            self.replay(key, results);
        }
    }

    #[inline]
    fn row(key: &K, value: B) -> Keyed<K, B> {
        Keyed { key: key.clone(), value }
    }
}
