//! Rows whose key another collection has.

use super::join::Inputs;
use super::{BinaryAtTimes, Counted, Indexed, OfSet, Sorted};
use crate::envelope::{Keyed, Multiply, ToDiff};
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::time::Lattice;

pub use super::join::inputs;

/// Keeps the rows of `left` whose key `right` has, as both come and go.
///
/// The right is seen as a set of keys: it does not matter how many rows of a key there are, or what is in them, so that a left row comes
/// as often as it is there. With [`antijoin`](super::antijoin()) it comes to the left. (In differential dataflow a `semijoin` multiplies by
/// the number of rows, and asks for keys that are distinct; for such keys it is the same. [`join_map`](super::join_map())
/// multiplies.) A null key is in no set (rule E11).
///
/// # Time and order
///
/// When the first row of a key comes to the right, or the last goes, the left rows of that key come or go at the same time.
/// What changes at a time comes in order of the keys and, of a key, of the rows.
///
/// # State and cost
///
/// All rows of the left that are there, sorted, and each key of the right with the number of its rows. A change costs a look-up in the
/// other side; the first row of a key on the right, and the last, as many changes as the left has rows of it.
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where rows of a key of the right were taken back more often than they were there
/// (rule G2), or there are more rows than can be counted (rule G4).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph admitted(people: Update<&'static str, LogicalTime, i64>, badges: Update<(&'static str, u32), LogicalTime, i64>)
///         -> (rows: Update<&'static str, LogicalTime, i64>)
///     {
///         kept = differential::semijoin();
///         people -> key_by(|name| *name) -> kept.left;
///         badges -> key_by(|badge| badge.0) -> kept.right;
///         kept -> map(|row| row.value) -> rows;
///     }
/// }
///
/// let mut run = admitted::harness();
/// for (badge, time, diff) in [(1, 1, 1), (2, 2, 1), (1, 3, -1), (2, 4, -1)] {
///     run.inputs.badges.update(Update { data: ("ada", badge), time: LogicalTime(time), diff });
/// }
/// run.inputs.people.update(Update { data: "ada", time: LogicalTime(0), diff: 1 });
/// run.finish().expect("nothing fails").assert_conserved();
/// let changes = run.outputs.rows.updates().into_iter().map(|change| (change.data, change.time.0, change.diff));
/// assert_eq!(Vec::from_iter(changes), [("ada", 1, 1), ("ada", 4, -1)]);
/// ```
pub fn semijoin<K: Indexed, L: Sorted, V, T: Lattice, P: ToDiff, Q: Counted>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Keyed<K, V>, T, Q>,
) -> K::Node<L::Node<Q::Node<Node<SemiJoin<K, L, V, T, P>, OnlyOut<Keyed<K, L>, T, P::Diff>>>>>
where
    P::Diff: Multiply<i64, Product = P::Diff>,
{
    with::<K, L, V, T, P, Q>(inputs())
}

/// See [`semijoin`](super::semijoin()).
pub type SemiJoin<K, L, V, T, P> = BinaryAtTimes<
    OfSet<K, L, <T as Lattice>::Rounds, <P as ToDiff>::Diff, false>,
    Keyed<K, L>,
    Keyed<K, V>,
    T,
    <P as ToDiff>::Diff,
    i64,
    K,
>;

/// As [`semijoin`](super::semijoin()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Indexed, L: Sorted, V, T: Lattice, P: ToDiff, Q: Counted>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, V>, T, Q>>,
) -> K::Node<L::Node<Q::Node<Node<SemiJoin<K, L, V, T, P>, OnlyOut<Keyed<K, L>, T, P::Diff>>>>>
where
    P::Diff: Multiply<i64, Product = P::Diff>,
{
    K::node(L::node(Q::node(Node::new(BinaryAtTimes::new(OfSet::default()), OnlyOut::new()))))
}
