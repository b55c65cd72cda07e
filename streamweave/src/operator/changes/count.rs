//! How many rows there are.

use super::by_time::{ByTime, Group, Shown, Whole};
use crate::envelope::{Keyed, ToDiff, Update};
use crate::operator::{Key, Node};
use crate::port::{Edge, OutLate};
use crate::time::TotalOrder;

/// Counts the rows of each key over changes; where the last row of a key has gone, so has its count (rule F4).
///
/// A stream without diffs is one of changes of +1. See [`changes`](super) for when it emits, and what fails.
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
///         counts = count_by_key();
///         moves -> key_by(|&(room, _)| room) -> counts;
///         counts.late -> discard;
///         counts -> people;
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
/// The run ends with [`Unsound`](super::Unsound) where more rows were taken back than there were.
pub fn count_by_key<K: Key + Shown, V, T: TotalOrder, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
) -> <K as Key>::Node<<K as Shown>::Node<Counts<K, V, T, R>>> {
    <K as Key>::node(<K as Shown>::node(Node::new(ByTime::new(CountGroup::default), OutLate::new())))
}

type Counts<K, V, T, R> = Node<
    ByTime<K, V, T, CountGroup, fn() -> CountGroup>,
    OutLate<Keyed<K, u64>, T, i64, Update<Keyed<K, V>, T, R>, (), ()>,
>;

/// Counts all rows over changes: there is a count at every time, which is 0 before the first row and after the last
/// (rule F4).
///
/// The 0 is at the least time. A stream without diffs is one of changes of +1. See [`changes`](super) for when it emits,
/// and what fails.
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where more rows were taken back than there were.
pub fn count_all<D, T: TotalOrder, R: ToDiff<Diff = i64>>(
    _input: Edge<D, T, R>,
) -> Node<
    Whole<D, T, CountGroup<true>, fn() -> CountGroup<true>>,
    OutLate<u64, T, i64, Update<D, T, R>, (), ()>,
> {
    Node::new(Whole::new(CountGroup::default), OutLate::new())
}

/// How many rows there are; where `ALWAYS` is true, none of them counts, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountGroup<const ALWAYS: bool = false>(i64);

impl<V, const ALWAYS: bool> Group<V> for CountGroup<ALWAYS> {
    type Row = u64;

    fn change(&mut self, _row: V, by: i64) -> bool {
        self.0.checked_add(by).map(|count| self.0 = count).is_some()
    }

    fn is_sound(&self) -> bool {
        self.0 >= 0
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }

    fn rows(&self) -> Vec<(u64, i64)> {
        let count = u64::try_from(self.0).unwrap_or(0);
        if count == 0 && !ALWAYS { Vec::new() } else { vec![(count, 1)] }
    }
}
