//! What is made of all pairs of rows of one key, of rows that come and go.

use super::indexed::Product;
use super::join::{Inputs, Joins};
use super::{BinaryAtTimes, Indexed, Merges, Pairs, Sorted};
use crate::envelope::{Keyed, Multiply, ToDiff};
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::time::Lattice;

pub use super::join::inputs;

/// Makes something of each row of `left` with each row of `right` that has its key, as both come and go: `|key, left, right| ..`.
///
/// A [`join`](super::join()) and a `map` in one, without a pair in between. Everything else is as it says there.
///
/// The function is called for a pair when it comes and again when it goes: it has to give the same both times, and what it gives is
/// not added up, so that equal results of several pairs come one by one.
///
/// # Examples
///
/// Who is two steps away:
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph two_steps(steps: Update<(u32, u32), LogicalTime, i64>) -> (reached: Update<(u32, u32), LogicalTime, i64>) {
///         joined = differential::join_map(|_via, from, to| (from.0, to.1));
///         steps -> key_by(|step| step.1) -> joined.left;
///         steps -> key_by(|step| step.0) -> joined.right;
///         joined -> reached;
///     }
/// }
///
/// let mut run = two_steps::harness();
/// for (step, time, diff) in [((1, 2), 0, 1), ((2, 3), 0, 1), ((2, 4), 1, 1), ((1, 2), 2, -1)] {
///     run.inputs.steps.update(Update { data: step, time: LogicalTime(time), diff });
/// }
/// run.finish().expect("nothing fails").assert_conserved();
/// let changes = run.outputs.reached.updates().into_iter();
/// let changes = changes.map(|change| (change.data, change.time.0, change.diff));
/// assert_eq!(Vec::from_iter(changes), [((1, 3), 0, 1), ((1, 4), 1, 1), ((1, 3), 2, -1), ((1, 4), 2, -1)]);
/// ```
///
/// # Errors
///
/// As of a [`join`](super::join()).
pub fn join_map<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: ToDiff, Q: ToDiff, F, B>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Keyed<K, R>, T, Q>,
    function: F,
) -> K::Node<L::Node<R::Node<F::Node<Node<Joins<K, L, R, T, P, Q, F>, OnlyOut<B, T, Product<P, Q>>>>>>>
where
    P::Diff: Multiply<Q::Diff>,
    F: Merges<K, L, R, B>,
{
    with::<K, L, R, T, P, Q, F, B>(inputs(), function)
}

/// As [`join_map`](super::join_map()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Indexed, L: Sorted, R: Sorted, T: Lattice, P: ToDiff, Q: ToDiff, F, B>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Keyed<K, R>, T, Q>>,
    function: F,
) -> K::Node<L::Node<R::Node<F::Node<Node<Joins<K, L, R, T, P, Q, F>, OnlyOut<B, T, Product<P, Q>>>>>>>
where
    P::Diff: Multiply<Q::Diff>,
    F: Merges<K, L, R, B>,
{
    let join = BinaryAtTimes::new(Pairs::new(function));
    K::node(L::node(R::node(F::node(Node::new(join, OnlyOut::new())))))
}
