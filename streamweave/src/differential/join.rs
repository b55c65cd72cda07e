//! All pairs of rows of one key, of rows that come and go.

use super::indexed::Product;
use super::{BinaryAtTimes, Indexed, NoKey, Pairs, Sorted};
use crate::envelope::{Keyed, Multiply, ToDiff};
use crate::operator::Node;
use crate::port::{Edge, OnlyOut, inlets};
use crate::time::Lattice;

/// Pairs each row of `left` with each row of `right` that has its key, as both come and go.
///
/// A pair is there as often as its rows are, multiplied (rule E9): two of one with three of the other are six. Where
/// something smaller is made of each pair, [`join_map`](super::join_map()) makes it at once. Where it only matters that there is a row,
/// [`semijoin`](super::semijoin()) says so; where rows without a partner matter, [`left_join`](super::left_join()) and its like. For
/// streams that are only ever added to, the [`join`](crate::operator::join::join()) of rows gives out pairs as they come, and keeps no order.
///
/// A stream joined with itself, `rows -> j.left; rows -> j.right;`, is not doubled (rule E12). A null key meets nothing (rule E11).
///
/// # Time and order
///
/// A pair is at the least time at which both rows are there. What changes at a time comes in order of the keys and, of a
/// key, of the rows.
///
/// # State and cost
///
/// All rows that are there, of both sides, sorted: little more than the rows themselves, and each key once. A change costs a look-up
/// in the other side, which is the logarithm of its size, and the pairs that it makes or takes back.
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where there are more rows or pairs than can be counted (rule G4).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph offers(sellers: Update<(u32, &'static str), LogicalTime, i64>, wares: Update<(u32, &'static str), LogicalTime, i64>)
///         -> (offers: Update<(&'static str, &'static str), LogicalTime, i64>)
///     {
///         joined = differential::join();
///         sellers -> key_by(|seller| seller.0) -> joined.left;
///         wares -> key_by(|ware| ware.0) -> joined.right;
///         joined -> map(|row| (row.value.0.1, row.value.1.1)) -> offers;
///     }
/// }
///
/// let mut run = offers::harness();
/// let change = |data, time, diff| Update { data, time: LogicalTime(time), diff };
/// run.inputs.sellers.update(change((1, "ada"), 0, 1));
/// run.inputs.wares.update(change((1, "engine"), 2, 1));
/// run.inputs.wares.update(change((1, "engine"), 5, -1));
/// run.finish().expect("nothing fails").assert_conserved();
/// let changes = run.outputs.offers.updates().into_iter();
/// let changes = changes.map(|change| (change.data, change.time.0, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(("ada", "engine"), 2, 1), (("ada", "engine"), 5, -1)]);
/// ```
#[doc(alias = "inner_join")]
#[doc(alias = "equi_join")]
pub fn join<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: ToDiff, Q: ToDiff>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Keyed<K, R>, T, Q>,
) -> K::Node<L::Node<R::Node<Node<Join<K, L, R, T, P, Q>, OnlyOut<Keyed<K, (L, R)>, T, Product<P, Q>>>>>>
where
    P::Diff: Multiply<Q::Diff>,
{
    with::<K, L, R, T, P, Q>(inputs())
}

/// See [`join`](super::join()).
pub type Join<K, L, R, T, P, Q> = Joins<K, L, R, T, P, Q, fn(&K, &L, &R) -> Keyed<K, (L, R)>>;

/// A join that makes what `F` gives.
pub type Joins<K, L, R, T, P, Q, F> = BinaryAtTimes<
    Pairs<K, L, R, <T as Lattice>::Rounds, <P as ToDiff>::Diff, <Q as ToDiff>::Diff, F>,
    Keyed<K, L>,
    Keyed<K, R>,
    T,
    <P as ToDiff>::Diff,
    <Q as ToDiff>::Diff,
    NoKey,
>;

inlets! {
    /// The inputs of a [`join`](super::join()), and of all joins of changes.
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, R, T: Lattice, P, Q>() -> Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, R>, T, Q>> {
    Inputs::new()
}

/// As [`join`](super::join()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: ToDiff, Q: ToDiff>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, R>, T, Q>>,
) -> K::Node<L::Node<R::Node<Node<Join<K, L, R, T, P, Q>, OnlyOut<Keyed<K, (L, R)>, T, Product<P, Q>>>>>>
where
    P::Diff: Multiply<Q::Diff>,
{
    K::node(L::node(R::node(Node::new(BinaryAtTimes::new(Pairs::new(pair)), OnlyOut::new()))))
}

fn pair<K: Clone, L: Clone, R: Clone>(key: &K, left: &L, right: &R) -> Keyed<K, (L, R)> {
    Keyed { key: key.clone(), value: (left.clone(), right.clone()) }
}
