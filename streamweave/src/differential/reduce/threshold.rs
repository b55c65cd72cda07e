//! Each row as often as a function of how often it is there says.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Group, Reduced, Reduction, reduced};
use crate::differential::bound::{Accumulates, Countable, Weighs};
use crate::envelope::{Abelian, ToDiff};
use crate::port::Edge;
use crate::state::{Storable, hash_of_key};
use crate::time::Lattice;

/// Each row as often as `f(row, weight)` says, where `weight` is how often it is there; what is not there is not asked about.
///
/// For the rows that two of three sources have, `|_, &weight| i64::from(weight >= 2)`; for the difference of two collections, of which one is
/// [negated](crate::differential::negate()), `|_, &weight| weight.max(0)`. [`distinct`](super::distinct()) is the threshold of 1. A weight below zero is no
/// error here: `f` may be asked about it. `f` has to be pure (rule G3).
///
/// See [`differential`](crate::differential) for when it emits. Keeps each row whose weight is not zero, with its weight and its result.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph agreed(votes: Update<&'static str, LogicalTime, i64>) -> (passed: Update<&'static str, LogicalTime, i64>) {
///         votes -> differential::threshold(|_, &votes| i64::from(votes >= 2)) -> passed;
///     }
/// }
///
/// let mut graph = agreed::harness();
/// for (motion, time, diff) in [("weave", 0, 1), ("knit", 0, 3), ("weave", 1, 1), ("knit", 1, -1), ("knit", 2, -1)] {
///     graph.inputs.votes.update(Update { data: motion, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.passed.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, "knit", 1), (1, "weave", 1), (2, "knit", -1)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](crate::differential::Unsound), which names the row, where a weight is greater than can be counted (rule G4).
pub fn threshold<D: Countable, T: Accumulates, R: ToDiff, S: Abelian, F>(
    _input: Edge<D, T, R>,
    f: F,
) -> D::Node<T::Node<F::Node<Reduced<Threshold<D, R::Diff, S, F>, T, D, R::Diff, D, S>>>>
where
    F: Weighs<D, R::Diff, S>,
{
    D::node(T::node(F::node(reduced(Threshold::new(f)))))
}

/// See [`threshold`].
#[derive(Clone, Copy, Debug)]
pub struct Threshold<D, R, S, F> {
    f: F,
    of: PhantomData<fn(D, R) -> S>,
}

impl<D, R, S, F> Threshold<D, R, S, F> {
    pub(super) fn new(f: F) -> Self {
        Threshold { f, of: PhantomData }
    }
}

impl<D, R, S, F> Reduction for Threshold<D, R, S, F>
where
    D: Hash + Eq + Clone + Debug,
    R: Abelian,
    S: Abelian,
    F: FnMut(&D, &R) -> S,
{
    type Data = D;
    type By = R;
    type Key = D;
    type Value = ();
    type Weight = R;
    type Output = ();
    type Diff = S;
    type Row = D;

    fn hash_of_key(row: &D) -> Option<u64>
    where
        D: Storable,
    {
        hash_of_key(row)
    }

    #[inline]
    fn take(&mut self, row: D, by: R) -> (D, (), Option<R>) {
        (row, (), Some(by))
    }

    #[inline]
    fn results<T: Lattice>(&mut self, row: &D, rows: &Group<'_, Self, T>, results: &mut Vec<((), S)>) {
        results.extend(rows.sum().map(|weight| ((), (self.f)(row, &weight))));
    }

    #[inline]
    fn row(row: &D, (): ()) -> D {
        row.clone()
    }
}
