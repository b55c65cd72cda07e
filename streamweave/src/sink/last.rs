//! The last row.

use crate::envelope::Update;
use crate::operator::{Commits, Cx, Durable, Input, Node, Operator, Outcome, Resume};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Timestamp};

/// Keeps the last row that came; yields `None` where none did.
pub fn last<D, T>(_input: Edge<D, T>) -> Node<Last<D>, NoPorts> {
    Node::new(Last(None), NoPorts)
}

/// See [`last`].
#[derive(Clone, Debug)]
pub struct Last<D>(Option<D>);

impl<D> Operator for Last<D> {
    type Yield = Option<D>;
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) -> Option<D> {
        self.0.take()
    }
}

impl<D: Storable> Durable for Last<D> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.optional("last", &mut self.0)
    }
}

/// What it yields is part of the checkpoint.
impl<D: Storable> Commits for Last<D> {}

impl<D, Outs> Resume<Outs> for Last<D> {}

impl<D, T: Timestamp, Outs> Input<0, D, T, (), Outs> for Last<D> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.0 = Some(row.data);
    }

    #[inline(always)]
    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
