//! A call for each row.

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, Operator, Outcome, Resume};
use crate::port::{Edge, NoPorts};
use crate::time::{Frontier, Timestamp};

/// Calls a function with each row. It must not block: it runs on the worker.
pub fn for_each<D, T, F: FnMut(D)>(_input: Edge<D, T>, f: F) -> Node<ForEach<F>, NoPorts> {
    Node::new(ForEach(f), NoPorts)
}

/// See [`for_each`].
#[derive(Clone, Debug)]
pub struct ForEach<F>(F);

impl<F> Operator for ForEach<F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

impl<F, Outs> Resume<Outs> for ForEach<F> {}

impl<D, T: Timestamp, F: FnMut(D), Outs> Input<0, D, T, (), Outs> for ForEach<F> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        (self.0)(row.data);
    }

    #[inline(always)]
    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
