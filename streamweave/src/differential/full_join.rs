//! All pairs of rows of one key, and rows of both sides without a partner.

use super::join::Inputs;
use super::{BinaryAtTimes, Counted, Indexed, Outer, Sorted};
use crate::envelope::Keyed;
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::time::Lattice;

pub use super::join::inputs;

/// Pairs each row of either side with each row of the other that has its key, and with `None` where there is none, as both come and
/// go.
///
/// No row of any side is missing. A row of a null key has no partner (rule E11). Where only one side counts a
/// [`left_join`](super::left_join()) or a [`right_join`](super::right_join()) keeps less.
///
/// # Time and order
///
/// What changes at a time comes together: the first partner of a row takes it back as one without a partner, and pairs it; when its last
/// partner goes the row without one is restored (rule E10). First what changes of the rows without a partner, then of the pairs,
/// each in order of the keys and, of a key, of the rows.
///
/// # State and cost
///
/// That of a [`join`](super::join()), and each key of both sides with the number of its rows. The first row of a key and the last cost
/// as many changes as the other side has rows of it.
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where rows of a key of both sides were taken back more often than they
/// were there (rule G2), or there are more than can be counted (rule G4).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph offices(people: Update<(u32, &'static str), LogicalTime, i64>, rooms: Update<(u32, &'static str), LogicalTime, i64>)
///         -> (offices: Update<(Option<&'static str>, Option<&'static str>), LogicalTime, i64>)
///     {
///         joined = differential::full_join();
///         people -> key_by(|person| person.0) -> joined.left;
///         rooms -> key_by(|room| room.0) -> joined.right;
///         joined -> map(|row| (row.value.0.map(|person| person.1), row.value.1.map(|room| room.1))) -> offices;
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
/// assert_eq!(changes[0], ((Some("ada"), None), 0, 1));
/// assert_eq!(changes[1..], [((Some("ada"), None), 3, -1), ((Some("ada"), Some("attic")), 3, 1)]);
/// ```
pub fn full_join<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: Counted, Q: Counted>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Keyed<K, R>, T, Q>,
) -> K::Node<
    L::Node<
        R::Node<
            P::Node<Q::Node<Node<FullJoin<K, L, R, T>, OnlyOut<Keyed<K, (Option<L>, Option<R>)>, T, i64>>>>,
        >,
    >,
> {
    with::<K, L, R, T, P, Q>(inputs())
}

/// See [`full_join`](super::full_join()).
pub type FullJoin<K, L, R, T> = BinaryAtTimes<
    Outer<
        K,
        L,
        R,
        <T as Lattice>::Rounds,
        fn(&K, Option<&L>, Option<&R>) -> Keyed<K, (Option<L>, Option<R>)>,
        true,
        true,
    >,
    Keyed<K, L>,
    Keyed<K, R>,
    T,
    i64,
    i64,
    K,
>;

/// As [`full_join`](super::full_join()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: Counted, Q: Counted>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, R>, T, Q>>,
) -> K::Node<
    L::Node<
        R::Node<
            P::Node<Q::Node<Node<FullJoin<K, L, R, T>, OnlyOut<Keyed<K, (Option<L>, Option<R>)>, T, i64>>>>,
        >,
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
) -> Keyed<K, (Option<L>, Option<R>)> {
    Keyed { key: key.clone(), value: (left.cloned(), right.cloned()) }
}
