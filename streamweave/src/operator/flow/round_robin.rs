//! Rows dealt out in turn.

use crate::envelope::Update;
use crate::operator::{Cx, Durable, Input, Node, Operator, Outcome, Resume};
use crate::port::Edge;
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, Timestamp};

use super::ways::{Branches, Ways, WaysOf};

/// Deals rows out to the ports `to_0`, `to_1`, .. in turn, and from the first again.
///
/// Which row goes where depends on its place in the stream alone. Each port keeps the order of arrival, and every
/// frontier goes to all. A branch that is slow holds the source and so the others (rule J2): where
/// rows differ much in the work that they make, [`balance`](super::balance()) by that. Keeps a count.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     cards   = from_iter(1..=7);
///     players = round_robin(Ways::<3>);
///     cards -> players;
///     players.to_0 -> ann;
///     players.to_1 -> bob;
///     players.to_2 -> cy;
///     ann = collect();
///     bob = collect();
///     cy = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.ann, [1, 4, 7]);
/// assert_eq!(result.bob, [2, 5]);
/// assert_eq!(result.cy, [3, 6]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "rebalance")]
pub fn round_robin<const N: usize, D, T>(
    _input: Edge<D, T>,
    _ways: Ways<N>,
) -> Node<RoundRobin<N>, <Ways<N> as WaysOf<D, T, ()>>::Each>
where
    Ways<N>: WaysOf<D, T, ()>,
{
    Node::new(RoundRobin { next: 0 }, Ways::<N>::each())
}

/// See [`round_robin`].
#[derive(Clone, Debug)]
pub struct RoundRobin<const N: usize> {
    next: usize,
}

impl<const N: usize> Operator for RoundRobin<N> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;

    fn finish(&mut self) {}
}

impl<const N: usize> Durable for RoundRobin<N> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("next", &mut self.next)?;
        // There may have been more ports.
        self.next %= N;
        Ok(())
    }
}

impl<const N: usize, Outs> Resume<Outs> for RoundRobin<N> {}

impl<const N: usize, D, T: Timestamp, Outs: Branches<D, T, ()>> Input<0, D, T, (), Outs> for RoundRobin<N> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, outs: &mut Outs, _cx: &mut Cx) {
        outs.push(self.next, row);
        self.next = (self.next + 1) % N;
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, _cx: &mut Cx) {
        outs.advance(frontier);
    }
}
