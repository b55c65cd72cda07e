//! A collection as of one time, as rows.

use std::fmt::Debug;
use std::task::Poll;

use super::at_times::Failed;
use super::consolidation::consolidate;
use super::{Counted, Indexed, Unsound};
use crate::envelope::{ToDiff, Update};
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Progress, Resume, Turn, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::Storable;
use crate::time::{Frontier, Lattice};

/// Gives the collection as of `at`, once that is closed, as plain rows: in order, each as often as it is there. Nothing else comes,
/// and the stream ends there.
///
/// For a report, a file or a test that wants the state and not how it came about; the changes of one time are
/// [`to_log`](crate::operator::to_log()). To look at a collection from outside, at any time, [`publish`](super::publish()) it.
///
/// # Time
///
/// Changes at `at` and before it count, those after it do not. Where the stream ends before `at` that closes it, too.
///
/// # State and cost
///
/// The rows that are there, until `at` is closed; changes that cancel out are dropped each time that what is kept has doubled.
///
/// # Errors
///
/// The run ends with [`Unsound`](super::Unsound) where there is a row less than zero times, as of `at` (rule G2), or more often than can
/// be counted (rule G4).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph stock_at_noon(parts: Update<&'static str, LogicalTime, i64>) -> (noon: &'static str) {
///         parts -> differential::to_snapshot(LogicalTime(12)) -> noon;
///     }
/// }
///
/// let mut run = stock_at_noon::harness();
/// for (part, time, diff) in [("wheel", 8, 2), ("axle", 9, 1), ("wheel", 12, -1), ("axle", 13, -1)] {
///     run.inputs.parts.update(Update { data: part, time: LogicalTime(time), diff });
/// }
/// run.finish().expect("nothing fails").assert_conserved();
/// assert_eq!(run.outputs.noon.take(), ["axle", "wheel"]);
/// ```
pub fn to_snapshot<D: Indexed, T: Lattice<Rounds = ()>, R: Counted>(
    _input: Edge<D, T, R>,
    at: T,
) -> D::Node<R::Node<Node<ToSnapshot<D, T>, OnlyOut<D, (), ()>>>> {
    let operator = ToSnapshot {
        at,
        rows: Vec::new(),
        sorted: 0,
        frontier: Frontier::start(),
        failed: Failed::default(),
    };
    D::node(R::node(Node::new(operator, OnlyOut::new())))
}

/// See [`to_snapshot`].
#[derive(Clone, Debug)]
pub struct ToSnapshot<D, T: Lattice> {
    at: T,
    rows: Vec<(D, i64)>,
    /// How many rows there were when they were added up last.
    sorted: usize,
    frontier: Frontier<T>,
    failed: Failed,
}

/// So few are not worth adding up.
const FEW: usize = 1_024;

impl<D: Ord + Clone + Debug, T: Lattice<Rounds = ()>> ToSnapshot<D, T> {
    fn add(&mut self, row: D, diff: i64) {
        self.rows.push((row, diff));
        if self.rows.len() >= FEW.max(2 * self.sorted) {
            let added = self.add_up();
            self.failed.note(added);
        }
    }

    fn add_up(&mut self) -> Result<(), Unsound> {
        consolidate(&mut self.rows).map_err(|row| Unsound::too_many(&row, &self.at))?;
        self.sorted = self.rows.len();
        Ok(())
    }

    /// What there is, where there can be such a collection.
    fn finished(&mut self) -> Result<Vec<(D, i64)>, Unsound> {
        self.add_up()?;
        match self.rows.iter().find(|(_, times)| *times < 0) {
            Some((row, _)) => Err(Unsound::negative(row, &self.at)),
            None => Ok(std::mem::take(&mut self.rows)),
        }
    }
}

impl<D, T: Lattice> Operator for ToSnapshot<D, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.failed.poll()
    }

    fn idle(&mut self) -> bool {
        !self.failed.is_unsaid()
    }

    fn finish(&mut self) {}
}

durable!(ToSnapshot<D, T> where { D: Storable, T: Lattice + Storable } keeps { rows, sorted, frontier });

impl<D, T: Lattice, Outs> Resume<Outs> for ToSnapshot<D, T> {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<D, T, R, S> Input<0, D, T, R, (Port<S>,)> for ToSnapshot<D, T>
where
    D: Ord + Clone + Debug,
    T: Lattice<Rounds = ()>,
    R: ToDiff<Diff = i64>,
    S: Push<D, (), ()>,
{
    #[inline]
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        let counts = row.time <= self.at && !self.frontier.closes(&self.at);
        if counts && self.failed.goes_on() {
            self.add(row.data, row.diff.to_diff());
        }
    }

    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let was_closed = self.frontier.closes(&self.at);
        self.frontier = frontier;
        if was_closed || !self.frontier.closes(&self.at) || !self.failed.goes_on() {
            return;
        }
        match self.finished() {
            Ok(rows) => {
                for (row, times) in rows {
                    for _ in 1..times {
                        out.push(Update::from(row.clone()));
                    }
                    out.push(Update::from(row));
                }
                out.advance(Frontier::end());
            }
            Err(unsound) => {
                self.failed.note(Err(unsound));
            }
        }
    }
}
