//! A call for each row, or for each row in its envelope.

use crate::envelope::Update;
use crate::operator::{Cx, Function, Input, Node, passive};
use crate::port::{Edge, NoPorts};
use crate::time::{Frontier, Timestamp};

/// Calls a function with each row. It must not block: it runs on the worker.
#[doc(alias = "foreach")]
pub fn for_each<D, T, F: Function<D, ()>>(_input: Edge<D, T>, f: F) -> F::Node<Node<ForEach<F>, NoPorts>> {
    F::node(Node::new(ForEach(f), NoPorts))
}

/// See [`for_each`].
#[derive(Clone, Debug)]
pub struct ForEach<F>(F);

passive!(ForEach<F>, Absorbed);

impl<D, T: Timestamp, F: FnMut(D), Outs> Input<0, D, T, (), Outs> for ForEach<F> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        (self.0)(row.data);
    }

    #[inline(always)]
    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}

/// Calls a function with each row in its envelope: value, time and diff. It takes changes, too.
pub fn for_each_update<D, T, R, F>(_input: Edge<D, T, R>, f: F) -> F::Node<Node<ForEachUpdate<F>, NoPorts>>
where
    F: Function<Update<D, T, R>, ()>,
{
    F::node(Node::new(ForEachUpdate(f), NoPorts))
}

/// See [`for_each_update`].
#[derive(Clone, Debug)]
pub struct ForEachUpdate<F>(F);

passive!(ForEachUpdate<F>, Absorbed);

impl<D, T: Timestamp, R, F: FnMut(Update<D, T, R>), Outs> Input<0, D, T, R, Outs> for ForEachUpdate<F> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut Outs, _cx: &mut Cx) {
        (self.0)(row);
    }

    #[inline(always)]
    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
