//! The way out of a loop.

use crate::differential::{Pending, consolidate_rows};
use crate::envelope::{Abelian, Update};
use crate::operator::{Agenda, Cx, Input, Node, Operator, Outcome, Resume};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::time::{Frontier, Lattice, Nested};

/// What a stream in a loop comes to when the loop is done: its changes over all rounds, consolidated and in the order of
/// the rows, once the time outside is closed.
pub fn leave<D: Ord, T: Lattice, R: Abelian>(
    _edge: Edge<D, Nested<T>, R>,
) -> Node<Leave<D, T, R>, OnlyOut<D, T, R>> {
    Node::new(Leave { rows: Pending::default(), frontier: Frontier::start() }, OnlyOut::new())
}

/// See [`leave`].
#[derive(Debug)]
pub struct Leave<D, T: Lattice, R> {
    rows: Pending<T, (D, R)>,
    frontier: Frontier<T>,
}

impl<D, T: Lattice, R> Operator for Leave<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn enters_loop(&mut self, agenda: &Agenda) {
        self.rows.enters_loop(agenda);
    }

    fn finish(&mut self) {}
}

impl<D, T: Lattice, R, Outs> Resume<Outs> for Leave<D, T, R> {}

impl<D, T, R, S> Input<0, D, Nested<T>, R, (Port<S>,)> for Leave<D, T, R>
where
    D: Ord,
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
        if frontier == self.frontier {
            return;
        }
        while let Some(time) = self.rows.next_closed(&frontier) {
            let mut rows = self.rows.take(&time);
            consolidate_rows(&mut rows);
            rows.drain(..).for_each(|(data, diff)| out.push(Update { data, time, diff }));
            self.rows.recycle(rows);
        }
        self.frontier = frontier.clone();
        out.advance(frontier);
    }
}
