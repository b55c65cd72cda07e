//! Rows that come into a loop later than in its first round.

use crate::envelope::Update;
use crate::operator::{Cx, Gives, Input, Linear, Operator, Outcome, Resume, View, durable};
use crate::port::{Edge, Port, Push};
use crate::time::{Frontier, Lattice, Nested};

/// Lets each row count from a round of the loop on, and not before; one that comes in a later round stays as it is.
///
/// For algorithms that get to their fixed point by less work where some rows come first: the labels of connected components, the
/// least ones first, so that the others find their nodes taken. The fixed point itself must not depend on it.
///
/// In a loop with `#[rounds(n)]` or `#[max_rounds(n)]` name a round below `n`: what is to count later never does.
pub fn from_round<D, T: Lattice, R, F: View<D, u32>>(
    _input: Edge<D, Nested<T>, R>,
    round: F,
) -> F::Node<Linear<FromRound<F>, Gives<D>>> {
    F::node(Linear::new(FromRound(round), Gives::new()))
}

/// See [`from_round`].
#[derive(Clone, Debug)]
pub struct FromRound<F>(F);

impl<F> Operator for FromRound<F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn finish(&mut self) {}
}

durable!(FromRound<F> keeps {});

impl<F, Outs> Resume<Outs> for FromRound<F> {}

impl<D, T, R, F, S> Input<0, D, Nested<T>, R, (Port<S>,)> for FromRound<F>
where
    T: Lattice,
    F: FnMut(&D) -> u32,
    S: Push<D, Nested<T>, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, Nested<T>, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let round = row.time.round.max((self.0)(&row.data));
        out.pass(Update { time: Nested { round, ..row.time }, ..row });
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<Nested<T>>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
