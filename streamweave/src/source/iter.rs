//! Rows from an iterator.

use std::task::Poll;

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Durable, Items, Node, Operator, Outcome, Progress, Replays, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch};

use super::rows::end;

/// Emits what an iterator gives. The iterator must not block: it runs on the worker.
pub fn from_iter<I, J, D>(rows: I) -> I::Node<Node<FromIter<J>, OnlyOut<D, (), ()>>>
where
    I: Items<D, J>,
{
    I::node(Node::new(FromIter { rows: Some(rows.into_iter()), taken: 0 }, OnlyOut::new()))
}

/// See [`from_iter`].
#[derive(Clone, Debug)]
pub struct FromIter<I> {
    rows: Option<I>,
    /// How many rows it has given.
    taken: u64,
}

impl<I> Operator for FromIter<I> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const REPLAYS: bool = true;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {}
}

/// An iterator gives the same rows when the graph is started again: those that were taken are passed over.
impl<I: Iterator> Durable for FromIter<I> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let before = self.taken;
        fields.value("taken", &mut self.taken)?;
        if let (Some(rows), true) = (&mut self.rows, fields.is_loading()) {
            (before..self.taken).for_each(|_| drop(rows.next()));
        }
        Ok(())
    }
}

impl<I: Iterator> Replays for FromIter<I> {}

impl<I: Iterator, S: Push<I::Item, (), ()>> Resume<(Port<S>,)> for FromIter<I> {
    #[inline(always)]
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        if cx.stopping() {
            return end(out);
        }
        // On the stack while it is at work: what it counts with then stays in registers.
        let Some(mut rows) = self.rows.take() else { return end(out) };
        let mut left = cx.budget();
        while left > 0 {
            let Some(data) = rows.next() else { break };
            out.pass(Update::from(data));
            left -= 1;
        }
        out.count(cx.budget() - left);
        self.taken += (cx.budget() - left) as u64;
        if left > 0 {
            return end(out);
        }
        self.rows = Some(rows);
        Progress::More
    }
}
