//! Loops that end when their body says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use std::fmt::Debug;

use crate::differential::Unsound;
use crate::differential::consolidation::consolidate;
use crate::envelope::{Abelian, ToDiff, Update};
use crate::operator::{Cx, Input, Node, Operator, Outcome, Resume, durable, state};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::{Frontier, Lattice, Nested};

/// The way from the stream that ends a loop to the loop's head: rounds, and by how much the stream changed.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<Mutex<Vec<(u32, i64)>>>);

impl Signal {
    /// Nothing has been said.
    pub fn new() -> Self {
        Signal::default()
    }
}

/// The node at the end of the stream that ends a loop, in `#[until(stream)]`.
pub fn until<D, T: Lattice<Rounds = ()>, R: ToDiff<Diff = i64>>(
    _edge: Edge<D, Nested<T>, R>,
    signal: &Signal,
) -> Node<Until, NoPorts> {
    Node::new(Until(signal.clone()), NoPorts)
}

/// See [`until`].
#[derive(Debug)]
pub struct Until(Signal);

impl Operator for Until {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const LEADS_NOWHERE: bool = true;

    fn finish(&mut self) {}
}

// What was said is kept by the head of the loop.
durable!(Until keeps {});

impl<Outs> Resume<Outs> for Until {}

impl<D, T, R, Outs> Input<0, D, Nested<T>, R, Outs> for Until
where
    T: Lattice<Rounds = ()>,
    R: ToDiff<Diff = i64>,
{
    fn push(&mut self, row: Update<D, Nested<T>, R>, _outs: &mut Outs, _cx: &mut Cx) {
        let mut said = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.push((row.time.round, row.diff.to_diff()));
    }

    fn advance(&mut self, _frontier: Frontier<Nested<T>>, _outs: &mut Outs, _cx: &mut Cx) {}
}

/// What the stream that ends a loop has said so far: how many rows it has, by round.
#[derive(Debug)]
pub(super) struct Said {
    signal: Signal,
    rows: BTreeMap<u32, i64>,
}

impl State for Said {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("rows", &mut self.rows)?;
        fields.value("unheard", &mut *self.signal.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Said {
    pub(super) fn new(signal: &Signal) -> Self {
        Said { signal: signal.clone(), rows: BTreeMap::new() }
    }

    /// Takes what has been said.
    pub(super) fn listen(&mut self) {
        for (round, rows) in self.signal.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            *self.rows.entry(round).or_default() += rows;
        }
    }

    /// Whether the stream has a row in any round before this one.
    pub(super) fn ends_before(&self, round: u32) -> bool {
        let mut rows = 0;
        self.rows.range(..round).any(|(_, more)| {
            rows += more;
            rows > 0
        })
    }
}

/// What a variable would be without an end, and what it is, by the round in which it comes in.
///
/// An edit can move the end: rounds behind it are taken back, or go on from what was kept.
#[derive(Debug)]
pub(super) struct Kept<D, R> {
    made: BTreeMap<u32, Vec<(D, R)>>,
    given: BTreeMap<u32, Vec<(D, R)>>,
}

impl<D, R> Default for Kept<D, R> {
    fn default() -> Self {
        Kept { made: BTreeMap::new(), given: BTreeMap::new() }
    }
}

state!(Kept<D, R> where { D: Storable, R: Storable } keeps { made, given });

impl<D: Ord + Clone + Debug, R: Abelian> Kept<D, R> {
    /// The rounds of which anything is kept.
    pub(super) fn rounds(&self) -> impl Iterator<Item = u32> {
        self.made.keys().chain(self.given.keys()).copied()
    }

    /// Takes what was made for a round; leaves there by how much what is given in the round changes.
    ///
    /// # Errors
    ///
    /// More of a row than can be counted.
    pub(super) fn exchange<T: Lattice>(
        &mut self,
        time: &Nested<T>,
        rows: &mut Vec<(D, R)>,
        has_ended: bool,
    ) -> Result<(), Unsound> {
        let added_up =
            |rows: &mut Vec<(D, R)>| consolidate(rows).map_err(|row| Unsound::too_many(&row, time));
        let made = self.made.entry(time.round).or_default();
        made.append(rows);
        added_up(made)?;
        let given = self.given.entry(time.round).or_default();
        if !has_ended {
            rows.extend(made.iter().cloned());
        }
        rows.extend(given.iter().filter_map(|(row, diff)| Some((row.clone(), diff.negated()?))));
        added_up(rows)?;
        given.extend(rows.iter().cloned());
        added_up(given)?;
        self.made.retain(|_, rows| !rows.is_empty());
        self.given.retain(|_, rows| !rows.is_empty());
        Ok(())
    }
}
