//! All pairs of rows of one key, and left rows without a partner.

use super::join::Inputs;
use super::{BinaryAtTimes, Counted, Indexed, Outer, Sorted};
use crate::envelope::Keyed;
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::time::Lattice;

pub use super::join::inputs;

/// Pairs each row of `left` with each row of `right` that has its key, and with `None` where there is none, as both come and go.
///
/// What a [`join`](super::join()) is for where no left row may be missing. A row of a null key has no partner (rule E11).
///
/// # Time and order
///
/// What changes at a time comes together: the first partner of a row takes it back as one without a partner, and pairs it; when its last
/// partner goes the row without one is restored (rule E10). First what changes of the rows without a partner, then of the pairs,
/// each in order of the keys and, of a key, of the rows.
///
/// # State and cost
///
/// That of a [`join`](super::join()), and each key of the right with the number of its rows. The first row of a key and the last cost
/// as many changes as the other side has rows of it.
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where rows of a key of the right were taken back more often than they
/// were there (rule G2), or there are more than can be counted (rule G4).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph offices(people: Update<(u32, &'static str), LogicalTime, i64>, rooms: Update<(u32, &'static str), LogicalTime, i64>)
///         -> (offices: Update<(&'static str, Option<&'static str>), LogicalTime, i64>)
///     {
///         joined = differential::left_join();
///         people -> key_by(|person| person.0) -> joined.left;
///         rooms -> key_by(|room| room.0) -> joined.right;
///         joined -> map(|row| (row.value.0.1, row.value.1.map(|room| room.1))) -> offices;
///     }
/// }
///
/// let mut run = offices::harness();
/// let change = |data, time, diff| Update { data, time: LogicalTime(time), diff };
/// run.inputs.people.update(change((7, "ada"), 0, 1));
/// run.inputs.rooms.update(change((7, "attic"), 3, 1));
/// run.finish().expect("nothing fails").assert_conserved();
/// let changes = run.outputs.offices.updates().into_iter();
/// let changes = Vec::from_iter(changes.map(|change| (change.data, change.time.0, change.diff)));
/// assert_eq!(changes[0], (("ada", None), 0, 1));
/// assert_eq!(changes[1..], [(("ada", None), 3, -1), (("ada", Some("attic")), 3, 1)]);
/// ```
pub fn left_join<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: Counted, Q: Counted>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Keyed<K, R>, T, Q>,
) -> K::Node<
    L::Node<R::Node<P::Node<Q::Node<Node<LeftJoin<K, L, R, T>, OnlyOut<Keyed<K, (L, Option<R>)>, T, i64>>>>>>,
> {
    with::<K, L, R, T, P, Q>(inputs())
}

/// See [`left_join`](super::left_join()).
pub type LeftJoin<K, L, R, T> = BinaryAtTimes<
    Outer<
        K,
        L,
        R,
        <T as Lattice>::Rounds,
        fn(&K, Option<&L>, Option<&R>) -> Keyed<K, (L, Option<R>)>,
        true,
        false,
    >,
    Keyed<K, L>,
    Keyed<K, R>,
    T,
    i64,
    i64,
    K,
>;

/// As [`left_join`](super::left_join()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: Counted, Q: Counted>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, R>, T, Q>>,
) -> K::Node<
    L::Node<R::Node<P::Node<Q::Node<Node<LeftJoin<K, L, R, T>, OnlyOut<Keyed<K, (L, Option<R>)>, T, i64>>>>>>,
> {
    K::node(L::node(R::node(P::node(Q::node(Node::new(
        BinaryAtTimes::new(Outer::new(pair)),
        OnlyOut::new(),
    ))))))
}

fn pair<K: Clone, L: Clone, R: Clone>(
    key: &K,
    left: Option<&L>,
    right: Option<&R>,
) -> Keyed<K, (L, Option<R>)> {
    Keyed { key: key.clone(), value: (left.expect("a row of the left").clone(), right.cloned()) }
}
