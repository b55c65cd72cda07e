//! Several streams made one.

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, Operator, Outcome, Resume};
use crate::port::{Edge, Out, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Merges streams of one type, row by row in order of arrival: what `[a, b] -> n` stands for.
///
/// The frontier of the output is the least of the inputs' frontiers: an input never heard from
/// holds it back (rule A2), one that has ended does not (rule A13).
pub fn merge<D, T: Timestamp, R, const N: usize>(
    _inputs: [Edge<D, T, R>; N],
) -> Node<Merge<T, N>, Out<D, T, R>> {
    let inputs = std::array::from_fn(|_| Frontier::start());
    Node::new(Merge { inputs, output: Frontier::start() }, Out::new())
}

/// See [`merge`].
#[derive(Clone, Debug)]
pub struct Merge<T: Timestamp, const N: usize> {
    inputs: [Frontier<T>; N],
    output: Frontier<T>,
}

impl<T: Timestamp, const N: usize> Operator for Merge<T, N> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn finish(&mut self) {}
}

impl<T: Timestamp, const N: usize, Outs> Resume<Outs> for Merge<T, N> {}

impl<const PORT: usize, D, T, R, S, const N: usize> Input<PORT, D, T, R, (Port<S>,)> for Merge<T, N>
where
    T: Timestamp,
    S: Push<D, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.pass(row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        self.inputs[PORT] = frontier;
        let least = self.inputs.iter().fold(Frontier::end(), |least, input| least.meet(input));
        if least.is_beyond(&self.output) {
            self.output = least.clone();
            out.advance(least);
        }
    }
}
