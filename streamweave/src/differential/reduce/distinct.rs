//! Each row once.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Group, Reduced, Reduction, reduced};
use crate::differential::bound::{Accumulates, Countable};
use crate::envelope::ToDiff;
use crate::port::Edge;
use crate::state::{Storable, hash_of_key};
use crate::time::Lattice;

/// Each row that is there once, however often it is there (rule G2).
///
/// Makes a set of a collection: what a loop needs that adds rows it may find again, and what a union of collections is. For rows that are only
/// ever added there is [`operator::sequence::distinct`](crate::operator::sequence::distinct()), which does not wait for their time to close.
///
/// See [`differential`](crate::differential) for when it emits. Keeps each row that is there, with a number.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph visited(visits: Update<&'static str, LogicalTime, i64>) -> (places: Update<&'static str, LogicalTime, i64>) {
///         visits -> differential::distinct() -> places;
///     }
/// }
///
/// let mut graph = visited::harness();
/// for (place, time, diff) in [("loom", 0, 2), ("attic", 0, 1), ("loom", 1, -1), ("loom", 2, -1)] {
///     graph.inputs.visits.update(Update { data: place, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.places.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, "loom", 1), (0, "attic", 1), (2, "loom", -1)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](crate::differential::Unsound), which names the row, where it is there less than zero times at a time that is
/// closed, or more often than 63 bits can count.
#[doc(alias = "unique")]
pub fn distinct<D: Countable, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<D, T, R>,
) -> D::Node<T::Node<Reduced<Distinct<D>, T, D, i64, D, i64>>> {
    D::node(T::node(reduced(Distinct::new())))
}

/// See [`distinct`].
#[derive(Clone, Copy, Debug)]
pub struct Distinct<D>(PhantomData<fn(D)>);

impl<D> Distinct<D> {
    pub(super) fn new() -> Self {
        Distinct(PhantomData)
    }
}

impl<D: Hash + Eq + Clone + Debug> Reduction for Distinct<D> {
    type Data = D;
    type By = i64;
    type Key = D;
    type Value = ();
    type Weight = i64;
    type Output = ();
    type Diff = i64;
    type Row = D;

    fn hash_of_key(row: &D) -> Option<u64>
    where
        D: Storable,
    {
        hash_of_key(row)
    }

    #[inline]
    fn take(&mut self, row: D, by: i64) -> (D, (), Option<i64>) {
        (row, (), Some(by))
    }

    fn is_sound(weight: &i64) -> bool {
        *weight >= 0
    }

    #[inline]
    fn results<T: Lattice>(&mut self, _row: &D, rows: &Group<'_, Self, T>, results: &mut Vec<((), i64)>) {
        results.extend(rows.sum().map(|_| ((), 1)));
    }

    #[inline]
    fn row(row: &D, (): ()) -> D {
        row.clone()
    }
}
