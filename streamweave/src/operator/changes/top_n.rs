//! The greatest rows of each key.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::by_time::{ByTime, Group, Shown};
use crate::envelope::{Keyed, ToDiff, Update};
use crate::operator::{Key, Node, Ranked};
use crate::port::{Edge, OutLate};
use crate::time::TotalOrder;

/// The `n` greatest rows of each key over changes (rule F2).
///
/// A row that is there three times counts three times. Where one of the `n` goes, the next greatest takes its place; what
/// does not change who is among them emits nothing, and `n` = 0 never emits. The least are the greatest of
/// [`Reverse`](std::cmp::Reverse). A stream without diffs is one of changes of +1. See [`changes`](super) for when it
/// emits, and what fails.
///
/// Keeps every row that is there, in a tree for each key: `O(log rows)` a change, and `O(n)` for each key and time.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph podium(scores: Update<(&'static str, u32), LogicalTime, i64>)
///         -> (best: Update<Keyed<&'static str, u32>, LogicalTime, i64>)
///     {
///         top = top_n(2);
///         scores -> key_by(|score| score.0) -> map(|score| Keyed { key: score.key, value: score.value.1 }) -> top;
///         top.late -> discard;
///         top -> best;
///     }
/// }
///
/// let mut podium = podium::harness();
/// for (score, time, diff) in [(40, 0, 1), (70, 0, 1), (50, 0, 1), (60, 1, 1), (70, 2, -1), (1, 3, 1)] {
///     podium.inputs.scores.update(Update { data: ("tea", score), time: LogicalTime(time), diff });
/// }
/// podium.finish().expect("nothing fails").assert_conserved();
/// let changes = podium.outputs.best.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.value, change.diff));
/// assert_eq!(
///     Vec::from_iter(changes),
///     [(0, 70, 1), (0, 50, 1), (1, 50, -1), (1, 60, 1), (2, 70, -1), (2, 50, 1)],
/// );
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where a row was taken back more often than it was there.
#[doc(alias = "rank")]
pub fn top_n<K: Key + Shown, V: Ranked, T: TotalOrder, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
    n: usize,
) -> <K as Key>::Node<<K as Shown>::Node<V::Node<Top<K, V, T, R, impl FnMut() -> TopGroup<V>>>>> {
    let node = Node::new(ByTime::new(move || TopGroup::new(n)), OutLate::new());
    <K as Key>::node(<K as Shown>::node(V::node(node)))
}

type Top<K, V, T, R, I> =
    Node<ByTime<K, V, T, TopGroup<V>, I>, OutLate<Keyed<K, V>, T, i64, Update<Keyed<K, V>, T, R>, (), ()>>;

/// The rows of a key, of which the `n` greatest count.
#[derive(Clone, Debug)]
pub struct TopGroup<V> {
    n: i64,
    rows: BTreeMap<V, i64>,
    /// How many rows have a multiplicity below zero.
    negative: usize,
}

impl<V> TopGroup<V> {
    fn new(n: usize) -> Self {
        TopGroup { n: i64::try_from(n).unwrap_or(i64::MAX), rows: BTreeMap::new(), negative: 0 }
    }
}

impl<V: Ord + Clone> Group<V> for TopGroup<V> {
    type Row = V;

    fn change(&mut self, row: V, by: i64) -> bool {
        let (before, after) = match self.rows.entry(row) {
            Entry::Vacant(vacant) => {
                if by != 0 {
                    vacant.insert(by);
                }
                (0, by)
            }
            Entry::Occupied(mut occupied) => {
                let before = *occupied.get();
                let Some(after) = before.checked_add(by) else { return false };
                if after == 0 {
                    occupied.remove();
                } else {
                    occupied.insert(after);
                }
                (before, after)
            }
        };
        self.negative = self.negative + usize::from(after < 0) - usize::from(before < 0);
        true
    }

    fn is_sound(&self) -> bool {
        self.negative == 0
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn rows(&self) -> Vec<(V, i64)> {
        let mut left = self.n;
        let mut take = |(row, count): (&V, &i64)| {
            let taken = left.min(*count);
            left -= taken;
            (taken > 0).then(|| (row.clone(), taken))
        };
        self.rows.iter().rev().map_while(&mut take).collect()
    }
}
