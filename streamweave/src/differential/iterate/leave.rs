//! The way out of a loop.

use std::fmt::Debug;
use std::task::Poll;

use crate::differential::at_times::Failed;
use crate::differential::consolidation::consolidate;
use crate::differential::{Pending, Unsound};
use crate::envelope::{Abelian, Update};
use crate::operator::{Agenda, Cause, Cx, Durable, Input, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Lattice, Nested};

/// What a stream in a loop comes to when the loop is done: its changes over all rounds, consolidated and in the order of
/// the rows, once the time outside is closed.
pub fn leave<D: Ord + Debug, T: Lattice, R: Abelian>(
    _edge: Edge<D, Nested<T>, R>,
) -> Node<Leave<D, T, R>, OnlyOut<D, T, R>> {
    Node::new(
        Leave { rows: Pending::default(), frontier: Frontier::start(), failed: Failed::default() },
        OnlyOut::new(),
    )
}

/// See [`leave`].
#[derive(Debug)]
pub struct Leave<D, T: Lattice, R> {
    rows: Pending<T, (D, R)>,
    frontier: Frontier<T>,
    failed: Failed,
}

impl<D, T: Lattice, R> Operator for Leave<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;

    fn enters_loop(&mut self, agenda: &Agenda) {
        self.rows.enters_loop(agenda);
    }

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.failed.poll()
    }

    fn idle(&mut self) -> bool {
        !self.failed.is_unsaid()
    }

    fn finish(&mut self) {}
}

impl<D: Storable, T: Lattice + Storable, R: Storable> Durable for Leave<D, T, R> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value_and("rows", &mut self.rows, Pending::adopt)?;
        fields.value("frontier", &mut self.frontier)
    }
}

impl<D, T: Lattice, R, Outs> Resume<Outs> for Leave<D, T, R> {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<D, T, R, S> Input<0, D, Nested<T>, R, (Port<S>,)> for Leave<D, T, R>
where
    D: Ord + Debug,
    T: Lattice,
    R: Abelian,
    S: Push<D, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, Nested<T>, R>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        self.rows.push(row.time.outer, (row.data, row.diff));
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<Nested<T>>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let frontier = frontier.map_to(|time| time.outer);
        if frontier == self.frontier || !self.failed.goes_on() {
            return;
        }
        while let Some(time) = self.rows.next_closed(&frontier) {
            let mut rows = self.rows.take(&time);
            let consolidated = consolidate(&mut rows).map_err(|row| Unsound::too_many(&row, &time));
            if !self.failed.note(consolidated) {
                return;
            }
            rows.drain(..).for_each(|(data, diff)| out.push(Update { data, time, diff }));
            self.rows.recycle(rows);
        }
        self.frontier = frontier.clone();
        out.advance(frontier);
    }
}
