//! The opposite of every change.

use std::fmt::Debug;
use std::task::Poll;

use super::Unsound;
use super::at_times::Failed;
use super::bound::Accumulates;
use crate::envelope::{Abelian, ToDiff, Update};
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Progress, Resume, Turn, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::time::{Frontier, Lattice};

/// The opposite of every change: what was put in is taken back.
///
/// Merged with another collection it is subtracted from that; of two sets [`threshold`](super::threshold()) makes the difference then. What
/// it emits is no collection by itself: [`distinct`](super::distinct()) and the like would fail on it.
///
/// Each row is passed on at once, in order; nothing is kept.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph unread(books: Update<u32, LogicalTime, i64>, read: Update<u32, LogicalTime, i64>) -> (left: Update<u32, LogicalTime, i64>) {
///         opposite = differential::negate();
///         read -> opposite;
///         [books, opposite] -> differential::threshold(|_, &weight| weight.max(0)) -> left;
///     }
/// }
///
/// let mut graph = unread::harness();
/// for book in [1, 2] {
///     graph.inputs.books.update(Update { data: book, time: LogicalTime(0), diff: 1 });
///     graph.inputs.read.update(Update { data: book + 1, time: LogicalTime(0), diff: 1 });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let left = graph.outputs.left.updates().into_iter();
/// assert_eq!(Vec::from_iter(left.map(|change| (change.data, change.diff))), [(1, 1)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`], which names the row, where a change has no opposite: `i64::MIN` has none (rule G4).
pub fn negate<D: super::Shown, T: Accumulates, R: ToDiff>(
    _input: Edge<D, T, R>,
) -> D::Node<T::Node<Node<Negate, OnlyOut<D, T, R::Diff>>>> {
    D::node(T::node(Node::new(Negate::default(), OnlyOut::new())))
}

/// See [`negate`].
#[derive(Clone, Debug, Default)]
pub struct Negate {
    failed: Failed,
}

impl Operator for Negate {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;
    const ACTIVE: bool = true;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.failed.poll()
    }

    fn idle(&mut self) -> bool {
        !self.failed.is_unsaid()
    }

    fn finish(&mut self) {}
}

durable!(Negate keeps {});

impl<Outs> Resume<Outs> for Negate {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<D, T, R, S> Input<0, D, T, R, (Port<S>,)> for Negate
where
    D: Debug,
    T: Lattice,
    R: ToDiff,
    S: Push<D, T, R::Diff>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data, time, diff } = row;
        match diff.to_diff().negated() {
            Some(diff) if self.failed.goes_on() => out.pass(Update { data, time, diff }),
            Some(_) => {}
            None => {
                self.failed.note(Err(Unsound::too_many(&data, &time)));
            }
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if self.failed.goes_on() {
            out.advance(frontier);
        }
    }
}
