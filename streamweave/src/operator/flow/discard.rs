//! Where rows go that nobody wants.

use crate::envelope::Update;
use crate::operator::{Commits, Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, NoPorts};
use crate::time::{Frontier, Timestamp};

/// Drops every row. A port that is not wanted says so: `parse.err -> discard;`.
#[doc(alias = "null")]
pub fn discard<D, T, R>(_input: Edge<D, T, R>) -> Node<Discard, NoPorts> {
    Node::new(Discard, NoPorts)
}

/// See [`discard`].
#[derive(Clone, Copy, Debug)]
pub struct Discard;

impl Operator for Discard {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const LEADS_NOWHERE: bool = true;

    fn finish(&mut self) {}
}

durable!(Discard keeps {});

impl Commits for Discard {}

impl<Outs> Resume<Outs> for Discard {}

impl<D, T: Timestamp, R, Outs> Input<0, D, T, R, Outs> for Discard {
    #[inline(always)]
    fn push(&mut self, _row: Update<D, T, R>, _outs: &mut Outs, _cx: &mut Cx) {}

    #[inline(always)]
    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
