//! Rows with the version of a table that held at their time, as both come and go.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::bound::{Accumulates, Shown};
use super::indexed::Counted;
use super::join::Inputs;
use super::reduce::{Group, Reducer, Reduction};
use super::{Binary, BinaryAtTimes, Emit, Later, Unary, Unsound};
use crate::envelope::{Keyed, ToDiff};
use crate::operator::{Key, Node, Ranked};
use crate::port::{Edge, OnlyOut};
use crate::state::{Fields, Mismatch, State};
use crate::time::Lattice;

pub use super::join::inputs;

/// Joins each row of `left` with the newest version of its key in `right` that is not newer than the row, by times that rows and
/// versions carry: `as_of(|row| row.at, |version| version.from)`.
///
/// Versions are ordered by the time that `version` gives, those of one time by themselves: the greatest holds (rules E7, E8). A row
/// older than every version comes with `None`. A version that comes late, changes or is taken back corrects the rows that it held
/// for. For streams that are only ever added to, the [`as_of`](crate::operator::join::as_of()) of rows gives each row once, and forgets.
///
/// # Time and order
///
/// The times that are compared are data, and need not be the times of the stream. What changes at a time of the stream comes by first
/// arrival of the key and, of a key, in order of the rows.
///
/// # State and cost
///
/// All rows that are there, of both sides. A change costs its key's rows: `O(rows + versions)`.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     /// Orders `(currency, day)`, with the rate `(day, rate)` of the day.
///     graph rated(orders: Update<(&'static str, u32), LogicalTime, i64>, rates: Update<(&'static str, (u32, u32)), LogicalTime, i64>)
///         -> (rows: Update<(u32, Option<u32>), LogicalTime, i64>)
///     {
///         rated = differential::as_of(|day: &u32| *day, |rate: &(u32, u32)| rate.0);
///         orders -> map(|(currency, day)| Keyed { key: currency, value: day }) -> rated.left;
///         rates -> map(|(currency, rate)| Keyed { key: currency, value: rate }) -> rated.right;
///         rated -> map(|row| (row.value.0, row.value.1.map(|rate| rate.1))) -> rows;
///     }
/// }
///
/// let mut run = rated::harness();
/// for (day, time) in [(1, 0), (5, 0)] {
///     run.inputs.orders.update(Update { data: ("EUR", day), time: LogicalTime(time), diff: 1 });
/// }
/// for (rate, time, diff) in [((2, 110), 0, 1), ((4, 120), 1, 1), ((4, 120), 2, -1)] {
///     run.inputs.rates.update(Update { data: ("EUR", rate), time: LogicalTime(time), diff });
/// }
/// run.finish().expect("nothing fails").assert_conserved();
/// let changes = run.outputs.rows.updates().into_iter().map(|change| (change.time.0, change.data, change.diff));
/// assert_eq!(
///     Vec::from_iter(changes),
///     [
///         (0, (1, None), 1),
///         (0, (5, Some(110)), 1),
///         (1, (5, Some(110)), -1),
///         (1, (5, Some(120)), 1),
///         (2, (5, Some(120)), -1),
///         (2, (5, Some(110)), 1),
///     ],
/// );
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`], which names the key, where a row is there less than zero times, or more often than can be
/// counted.
#[doc(alias = "temporal_join")]
pub fn as_of<K: Key + Shown, L: Ranked, R: Ranked, T: Accumulates, P: Counted, Q: Counted, F, G, I>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Keyed<K, R>, T, Q>,
    row: F,
    version: G,
) -> <K as Key>::Node<<K as Shown>::Node<L::Node<R::Node<T::Node<AsOfNode<K, L, R, T, P, Q, F, G, I>>>>>>
where
    F: FnMut(&L) -> I,
    G: FnMut(&R) -> I,
    I: Ord,
{
    with::<K, L, R, T, P, Q, F, G, I>(inputs(), row, version)
}

/// As [`as_of`](super::as_of()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Key + Shown, L: Ranked, R: Ranked, T: Accumulates, P: Counted, Q: Counted, F, G, I>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, R>, T, Q>>,
    row: F,
    version: G,
) -> <K as Key>::Node<<K as Shown>::Node<L::Node<R::Node<T::Node<AsOfNode<K, L, R, T, P, Q, F, G, I>>>>>>
where
    F: FnMut(&L) -> I,
    G: FnMut(&R) -> I,
    I: Ord,
{
    let held = Held { row, version, versions: Vec::new(), of: PhantomData };
    let node = Node::new(BinaryAtTimes::new(AsOf(Reducer::new(held))), OnlyOut::new());
    <K as Key>::node(<K as Shown>::node(L::node(R::node(T::node(node)))))
}

/// What [`as_of`](super::as_of()) makes.
pub type AsOfNode<K, L, R, T, P, Q, F, G, I> = Node<
    BinaryAtTimes<
        AsOf<K, L, R, T, F, G, I>,
        Keyed<K, L>,
        Keyed<K, R>,
        T,
        <P as ToDiff>::Diff,
        <Q as ToDiff>::Diff,
        u32,
    >,
    OnlyOut<Keyed<K, (L, Option<R>)>, T, i64>,
>;

/// A row, or a version: the rows of a key come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Side<L, R> {
    /// A row of the left.
    Row(L),
    /// A version of the right.
    Version(R),
}

/// Which version holds for each row of a key.
pub struct Held<K, L, R, F, G, I> {
    row: F,
    version: G,
    versions: Vec<(I, R)>,
    of: PhantomData<fn(K) -> (L, I)>,
}

impl<K, L, R, F, G, I> Reduction for Held<K, L, R, F, G, I>
where
    K: Hash + Eq + Clone + Debug,
    L: Ord + Clone,
    R: Ord + Clone,
    F: FnMut(&L) -> I,
    G: FnMut(&R) -> I,
    I: Ord,
{
    type Data = (K, Side<L, R>);
    type By = i64;
    type Key = K;
    type Value = Side<L, R>;
    type Weight = i64;
    type Output = (L, Option<R>);
    type Diff = i64;
    type Row = Keyed<K, (L, Option<R>)>;

    fn take(&mut self, (key, side): (K, Side<L, R>), by: i64) -> (K, Side<L, R>, Option<i64>) {
        (key, side, Some(by))
    }

    fn is_sound(weight: &i64) -> bool {
        *weight >= 0
    }

    fn results<T: Lattice>(
        &mut self,
        _key: &K,
        rows: &Group<'_, Self, T>,
        results: &mut Vec<((L, Option<R>), i64)>,
    ) {
        self.versions.clear();
        for (side, _) in rows.descending() {
            let Side::Version(version) = side else { break };
            self.versions.push(((self.version)(version), version.clone()));
        }
        self.versions.sort();
        for (side, weight) in rows.ascending() {
            let Side::Row(row) = side else { break };
            let at = (self.row)(row);
            let newer = self.versions.partition_point(|(from, _)| *from <= at);
            let version = newer.checked_sub(1).map(|newest| self.versions[newest].1.clone());
            results.push(((row.clone(), version), weight));
        }
    }

    fn row(key: &K, value: (L, Option<R>)) -> Keyed<K, (L, Option<R>)> {
        Keyed { key: key.clone(), value }
    }
}

/// See [`as_of`](super::as_of()).
pub struct AsOf<K, L, R, T, F, G, I>(Reducer<Held<K, L, R, F, G, I>, T>)
where
    Held<K, L, R, F, G, I>: Reduction,
    T: Lattice;

impl<K, L, R, T, F, G, I> State for AsOf<K, L, R, T, F, G, I>
where
    Held<K, L, R, F, G, I>: Reduction,
    T: Lattice,
    Reducer<Held<K, L, R, F, G, I>, T>: State,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.0.fields(fields)
    }
}

impl<K, L, R, T, F, G, I> Binary<Keyed<K, L>, Keyed<K, R>, T, i64, i64> for AsOf<K, L, R, T, F, G, I>
where
    K: Hash + Eq + Clone + Debug,
    L: Ord + Clone,
    R: Ord + Clone,
    T: Lattice,
    F: FnMut(&L) -> I,
    G: FnMut(&R) -> I,
    I: Ord,
{
    type Row = Keyed<K, (L, Option<R>)>;
    type Diff = i64;
    type Key = u32;

    fn work(
        &mut self,
        time: &T,
        left: &mut Vec<(Keyed<K, L>, i64)>,
        right: &mut Vec<(Keyed<K, R>, i64)>,
        again: Vec<u32>,
        later: &mut Later<T, u32>,
        emit: impl Emit<Self::Row, T, i64>,
    ) -> Result<(), Unsound> {
        let rows = left.drain(..).map(|(row, by)| ((row.key, Side::Row(row.value)), by));
        let versions = right.drain(..).map(|(row, by)| ((row.key, Side::Version(row.value)), by));
        self.0.work(time, &mut rows.chain(versions).collect(), again, later, emit)
    }
}
