//! The changes of each time, added up.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::bound::{Accumulates, Countable};
use super::{AtTimes, Emit, Later, Unary, Unsound};
use crate::envelope::{Abelian, ToDiff};
use crate::operator::{Node, state};
use crate::port::{Edge, OnlyOut};
use crate::time::Lattice;

/// Adds up the changes of each row at each time, and drops what comes to nothing (rule G1).
///
/// The collection stays the same; whoever writes its changes down or is called for each of them is spared those that take back one
/// another. The other operators here need it not: they add up what they are given.
///
/// Emits when a time is closed, in order of the rows' first arrival among its changes. Keeps the changes of times that are open.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph net(all: Update<&'static str, LogicalTime, i64>) -> (left: Update<&'static str, LogicalTime, i64>) {
///         all -> differential::consolidate() -> left;
///     }
/// }
///
/// let mut graph = net::harness();
/// for (row, time, diff) in [("a", 0, -1), ("b", 0, 1), ("c", 0, 2), ("a", 0, 1), ("b", 0, 3), ("c", 1, -2)] {
///     graph.inputs.all.update(Update { data: row, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.left.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, "b", 4), (0, "c", 2), (1, "c", -2)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`], which names the row, where the changes of a time come to more than can be counted (rule G4).
pub fn consolidate<D: Countable, T: Accumulates, R: ToDiff>(
    _input: Edge<D, T, R>,
) -> D::Node<T::Node<Node<AtTimes<Consolidate<D, R::Diff>, D, T, R::Diff, ()>, OnlyOut<D, T, R::Diff>>>> {
    D::node(T::node(Node::new(AtTimes::new(Consolidate::default()), OnlyOut::new())))
}

/// See [`consolidate`].
#[derive(Clone, Debug)]
pub struct Consolidate<D, R> {
    rows: Vec<(u64, D, R)>,
    places: HashTable<u32>,
    hasher: FixedState,
}

impl<D, R> Default for Consolidate<D, R> {
    fn default() -> Self {
        Consolidate { rows: Vec::new(), places: HashTable::new(), hasher: FixedState::default() }
    }
}

impl<D: Hash + Eq, R: Abelian> Consolidate<D, R> {
    /// Adds a change; its place where there is no room for that.
    #[inline]
    fn add(&mut self, row: D, by: R) -> Result<(), usize> {
        let hash = self.hasher.hash_one(&row);
        let rows = &mut self.rows;
        let is_same = |&place: &u32| rows[place as usize].1 == row;
        match self.places.entry(hash, is_same, |&place| rows[place as usize].0) {
            Entry::Occupied(found) => {
                let place = *found.get() as usize;
                if rows[place].2.add(&by) { Ok(()) } else { Err(place) }
            }
            Entry::Vacant(vacant) => {
                vacant.insert(u32::try_from(rows.len()).expect("at most 2^32 different rows at one time"));
                rows.push((hash, row, by));
                Ok(())
            }
        }
    }

    fn forget(&mut self) {
        // To empty a large table costs as much as its size, whatever the next time has.
        if self.places.capacity() <= 4_096 {
            self.places.clear();
        } else {
            (self.rows, self.places) = (Vec::new(), HashTable::new());
        }
    }
}

// Of one time nothing is left in the next.
state!(Consolidate < D, R > keeps {});

impl<D: Hash + Eq + Debug, T: Lattice, R: Abelian> Unary<D, T, R> for Consolidate<D, R> {
    type Row = D;
    type Diff = R;
    type Key = ();

    fn work(
        &mut self,
        time: &T,
        changes: &mut Vec<(D, R)>,
        _again: Vec<()>,
        _later: &mut Later<T, ()>,
        mut emit: impl Emit<D, T, R>,
    ) -> Result<(), Unsound> {
        for (row, by) in changes.drain(..) {
            self.add(row, by).map_err(|place| Unsound::too_many(&self.rows[place].1, time))?;
        }
        for (_, row, by) in self.rows.drain(..).filter(|(_, _, by)| !by.is_zero()) {
            emit(row, *time, by);
        }
        self.forget();
        Ok(())
    }
}
