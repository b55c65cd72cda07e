//! Rows from an iterator.

use std::task::Poll;

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Items, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};

use super::rows::end;

/// Emits what an iterator gives. The iterator must not block: it runs on the worker.
pub fn from_iter<I, J, D>(rows: I) -> I::Node<Node<FromIter<J>, OnlyOut<D, (), ()>>>
where
    I: Items<D, J>,
{
    I::node(Node::new(FromIter(Some(rows.into_iter())), OnlyOut::new()))
}

/// See [`from_iter`].
#[derive(Clone, Debug)]
pub struct FromIter<I>(Option<I>);

impl<I> Operator for FromIter<I> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {}
}

impl<I: Iterator, S: Push<I::Item, (), ()>> Resume<(Port<S>,)> for FromIter<I> {
    #[inline(always)]
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        if cx.stopping() {
            return end(out);
        }
        // On the stack while it is at work: what it counts with then stays in registers.
        let Some(mut rows) = self.0.take() else { return end(out) };
        let mut left = cx.budget();
        while left > 0 {
            let Some(data) = rows.next() else { break };
            out.pass(Update::from(data));
            left -= 1;
        }
        out.count(cx.budget() - left);
        if left > 0 {
            return end(out);
        }
        self.0 = Some(rows);
        Progress::More
    }
}
