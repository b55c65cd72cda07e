//! A stream that is kept for another time.

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Durable, Input, Node, Operator, Outcome, Repeatable, Resume};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{EventLog, Fields, Mismatch, State, Storable};
use crate::time::{EventTime, Frontier};

/// Passes a stream on, and keeps what came lately of it in a log, to be [replayed](crate::source::replay).
///
/// A row is cloned, and the log is locked for each.
pub fn keep<D: Repeatable, R: Clone>(
    _input: Edge<D, EventTime, R>,
    log: &EventLog<D, R>,
) -> D::Node<Node<Keep<D, R>, OnlyOut<D, EventTime, R>>> {
    D::node(Node::new(Keep(log.clone()), OnlyOut::new()))
}

/// See [`keep`].
#[derive(Clone, Debug)]
pub struct Keep<D, R>(EventLog<D, R>);

impl<D, R> Operator for Keep<D, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn validate(&mut self) -> Result<(), Cause> {
        Ok(self.0.validate()?)
    }

    fn finish(&mut self) {}
}

impl<D: Storable, R: Storable> Durable for Keep<D, R> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.0.fields(fields)
    }
}

impl<D, R, Outs> Resume<Outs> for Keep<D, R> {}

impl<D, R, S> Input<0, D, EventTime, R, (Port<S>,)> for Keep<D, R>
where
    D: Clone,
    R: Clone,
    S: Push<D, EventTime, R>,
{
    #[inline]
    fn push(&mut self, row: Update<D, EventTime, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        self.0.row(row.clone());
        out.pass(row);
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        self.0.advance(frontier);
        out.advance(frontier);
    }
}
