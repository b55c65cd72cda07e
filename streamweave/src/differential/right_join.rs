//! All pairs of rows of one key, and right rows without a partner.

use super::join::Inputs;
use super::{BinaryAtTimes, Counted, Indexed, Outer, Sorted};
use crate::envelope::Keyed;
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::time::Lattice;

pub use super::join::inputs;

/// Pairs each row of `right` with each row of `left` that has its key, and with `None` where there is none, as both come and go.
///
/// A [`left_join`](super::left_join()) the other way round. A row of a null key has no partner (rule E11).
///
/// # Time and order
///
/// What changes at a time comes together: the first partner of a row takes it back as one without a partner, and pairs it; when its last
/// partner goes the row without one is restored (rule E10). First what changes of the rows without a partner, then of the pairs,
/// each in order of the keys and, of a key, of the rows.
///
/// # State and cost
///
/// That of a [`join`](super::join()), and each key of the left with the number of its rows. The first row of a key and the last cost
/// as many changes as the other side has rows of it.
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where rows of a key of the left were taken back more often than they
/// were there (rule G2), or there are more than can be counted (rule G4).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph offices(people: Update<(u32, &'static str), LogicalTime, i64>, rooms: Update<(u32, &'static str), LogicalTime, i64>)
///         -> (offices: Update<(Option<&'static str>, &'static str), LogicalTime, i64>)
///     {
///         joined = differential::right_join();
///         people -> key_by(|person| person.0) -> joined.left;
///         rooms -> key_by(|room| room.0) -> joined.right;
///         joined -> map(|row| (row.value.0.map(|person| person.1), row.value.1.1)) -> offices;
///     }
/// }
///
/// let mut run = offices::harness();
/// let change = |data, time, diff| Update { data, time: LogicalTime(time), diff };
/// run.inputs.rooms.update(change((7, "attic"), 0, 1));
/// run.inputs.people.update(change((7, "ada"), 3, 1));
/// run.finish().expect("nothing fails").assert_conserved();
/// let changes = run.outputs.offices.updates().into_iter();
/// let changes = Vec::from_iter(changes.map(|change| (change.data, change.time.0, change.diff)));
/// assert_eq!(changes[0], ((None, "attic"), 0, 1));
/// assert_eq!(changes[1..], [((None, "attic"), 3, -1), ((Some("ada"), "attic"), 3, 1)]);
/// ```
pub fn right_join<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: Counted, Q: Counted>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Keyed<K, R>, T, Q>,
) -> K::Node<
    L::Node<
        R::Node<P::Node<Q::Node<Node<RightJoin<K, L, R, T>, OnlyOut<Keyed<K, (Option<L>, R)>, T, i64>>>>>,
    >,
> {
    with::<K, L, R, T, P, Q>(inputs())
}

/// See [`right_join`](super::right_join()).
pub type RightJoin<K, L, R, T> = BinaryAtTimes<
    Outer<
        K,
        L,
        R,
        <T as Lattice>::Rounds,
        fn(&K, Option<&L>, Option<&R>) -> Keyed<K, (Option<L>, R)>,
        false,
        true,
    >,
    Keyed<K, L>,
    Keyed<K, R>,
    T,
    i64,
    i64,
    K,
>;

/// As [`right_join`](super::right_join()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: Counted, Q: Counted>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, R>, T, Q>>,
) -> K::Node<
    L::Node<
        R::Node<P::Node<Q::Node<Node<RightJoin<K, L, R, T>, OnlyOut<Keyed<K, (Option<L>, R)>, T, i64>>>>>,
    >,
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
) -> Keyed<K, (Option<L>, R)> {
    Keyed { key: key.clone(), value: (left.cloned(), right.expect("a row of the right").clone()) }
}
