//! Every row, in memory.

use crate::envelope::Update;
use crate::operator::{Commits, Cx, Durable, Input, Node, Operator, Outcome, Resume};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Timestamp};

/// Keeps every row; yields them as a `Vec`, in order. Memory grows with the stream.
pub fn collect<D, T>(_input: Edge<D, T>) -> Node<Collect<D>, NoPorts> {
    Node::new(Collect(Vec::new()), NoPorts)
}

/// See [`collect`].
#[derive(Clone, Debug)]
pub struct Collect<D>(Vec<D>);

impl<D> Operator for Collect<D> {
    type Yield = Vec<D>;
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) -> Vec<D> {
        std::mem::take(&mut self.0)
    }
}

impl<D: Storable> Durable for Collect<D> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("rows", &mut self.0)
    }
}

/// What it yields is part of the checkpoint.
impl<D: Storable> Commits for Collect<D> {}

impl<D, Outs> Resume<Outs> for Collect<D> {}

impl<D, T: Timestamp, Outs> Input<0, D, T, (), Outs> for Collect<D> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.0.push(row.data);
    }

    #[inline(always)]
    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
