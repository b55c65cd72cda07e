//! How many rows there are.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Group, Reduced, Reducer, Reduction, reduced};
use crate::differential::AtTimes;
use crate::differential::bound::{Accumulates, Shown};
use crate::envelope::{Keyed, ToDiff};
use crate::operator::{Key, Node};
use crate::port::{Edge, OnlyOut};
use crate::time::Lattice;

/// Counts the rows of each key; where the last row of a key has gone, so has its count (rule F4).
///
/// What rows of a key are is not looked at: it is not noticed that one was taken back that was never there, as long as others are. Where every row is
/// added once and for all there is [`operator::keyed::count`](crate::operator::keyed::count()), which does not wait for their time to close.
///
/// See [`differential`](crate::differential) for when it emits. Keeps each key that has rows, with a number.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph headcount(moves: Update<(&'static str, u32), LogicalTime, i64>)
///         -> (people: Update<Keyed<&'static str, u64>, LogicalTime, i64>)
///     {
///         moves -> key_by(|&(room, _)| room) -> differential::count() -> people;
///     }
/// }
///
/// let mut rooms = headcount::harness();
/// let moved = |room, person, time, diff| {
///     Update { data: (room, person), time: LogicalTime(time), diff }
/// };
/// rooms.inputs.moves.update(moved("loom", 1, 0, 1));
/// rooms.inputs.moves.update(moved("loom", 1, 5, -1));
/// rooms.inputs.moves.update(moved("attic", 1, 5, 1));
/// rooms.finish().expect("nothing fails").assert_conserved();
/// let changes = rooms.outputs.people.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.key, change.data.value, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, "loom", 1, 1), (5, "loom", 1, -1), (5, "attic", 1, 1)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](crate::differential::Unsound), which names the key, where more of its rows were taken back than there were, or
/// there are more than 63 bits can count.
#[doc(alias = "count_by_key")]
pub fn count<K: Key + Shown, V, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
) -> <K as Key>::Node<
    <K as Shown>::Node<T::Node<Reduced<CountByKey<K, V>, T, Keyed<K, V>, i64, Keyed<K, u64>, i64>>>,
> {
    <K as Key>::node(<K as Shown>::node(T::node(reduced(CountByKey::new()))))
}

/// Counts all rows: there is a count at every time, which is 0 before the first row and after the last (rule F4).
///
/// The 0 is there from the least time on. See [`differential`](crate::differential) for when it emits. Keeps a number.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph population(people: Update<&'static str, LogicalTime, i64>) -> (number: Update<u64, LogicalTime, i64>) {
///         people -> differential::count_all() -> number;
///     }
/// }
///
/// let mut graph = population::harness();
/// graph.inputs.people.update(Update { data: "ada", time: LogicalTime(3), diff: 1 });
/// graph.inputs.people.update(Update { data: "ada", time: LogicalTime(7), diff: -1 });
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.number.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, 0, 1), (3, 0, -1), (3, 1, 1), (7, 1, -1), (7, 0, 1)]);
/// ```
///
/// # Errors
///
/// As [`count`] has.
pub fn count_all<D, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<D, T, R>,
) -> T::Node<Reduced<CountAll<D>, T, D, i64, u64, i64>> {
    let (reducer, place) = Reducer::with_key(CountAll::new(), ());
    T::node(Node::new(AtTimes::looking_at(reducer, place), OnlyOut::new()))
}

/// See [`count`].
#[derive(Clone, Copy, Debug)]
pub struct CountByKey<K, V>(PhantomData<fn(K, V)>);

impl<K, V> CountByKey<K, V> {
    pub(super) fn new() -> Self {
        CountByKey(PhantomData)
    }
}

impl<K: Hash + Eq + Clone + Debug, V> Reduction for CountByKey<K, V> {
    type Data = Keyed<K, V>;
    type By = i64;
    type Key = K;
    type Value = ();
    type Weight = i64;
    type Output = u64;
    type Diff = i64;
    type Row = Keyed<K, u64>;

    #[inline]
    fn take(&mut self, row: Keyed<K, V>, by: i64) -> (K, (), Option<i64>) {
        (row.key, (), Some(by))
    }

    fn is_sound(weight: &i64) -> bool {
        *weight >= 0
    }

    #[inline]
    fn results<T: Lattice>(&mut self, _key: &K, rows: &Group<'_, Self, T>, results: &mut Vec<(u64, i64)>) {
        results.extend(rows.sum().map(|count| (count.unsigned_abs(), 1)));
    }

    #[inline]
    fn row(key: &K, value: u64) -> Keyed<K, u64> {
        Keyed { key: key.clone(), value }
    }
}

/// See [`count_all`].
#[derive(Clone, Copy, Debug)]
pub struct CountAll<D>(PhantomData<fn(D)>);

impl<D> CountAll<D> {
    pub(super) fn new() -> Self {
        CountAll(PhantomData)
    }
}

impl<D> Reduction for CountAll<D> {
    type Data = D;
    type By = i64;
    type Key = ();
    type Value = ();
    type Weight = i64;
    type Output = u64;
    type Diff = i64;
    type Row = u64;

    fn hash_of_key((): &()) -> Option<u64> {
        None
    }

    #[inline]
    fn take(&mut self, _row: D, by: i64) -> ((), (), Option<i64>) {
        ((), (), Some(by))
    }

    fn is_sound(weight: &i64) -> bool {
        *weight >= 0
    }

    fn results<T: Lattice>(&mut self, (): &(), rows: &Group<'_, Self, T>, results: &mut Vec<(u64, i64)>) {
        results.push((rows.sum().map_or(0, i64::unsigned_abs), 1));
    }

    fn row((): &(), count: u64) -> u64 {
        count
    }
}
