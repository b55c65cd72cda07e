//! Rows from an iterator.

use std::task::{Context, Poll};

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Node, Operator, Outcome, Progress, Resume};
use crate::port::{Out, Port, Push};

use super::rows::end;

/// Emits what an iterator gives. The iterator must not block: it runs on the worker.
pub fn from_iter<I: IntoIterator>(rows: I) -> Node<FromIter<I::IntoIter>, Out<I::Item, (), ()>> {
    Node::new(FromIter(rows.into_iter()), Out::new())
}

/// See [`from_iter`].
#[derive(Clone, Debug)]
pub struct FromIter<I>(I);

impl<I> Operator for FromIter<I> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
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
        for _ in 0..cx.budget() {
            let Some(data) = self.0.next() else {
                return end(out);
            };
            out.push(Update::from(data));
        }
        Progress::More
    }
}
