//! Rows dealt out by their weight.

use crate::envelope::Update;
use crate::operator::{Cx, Durable, Input, Node, Operator, Outcome, Resume};
use crate::port::Edge;
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, Timestamp};

use super::ways::{Branches, Ways, WaysOf};

/// Sends each row to the port, of `to_0`, `to_1`, .., that has been given the least weight so far; of several to the
/// first.
///
/// The weights are what `weight` gives for each row: bytes, an estimate of the work. It looks at what was given, not
/// at what is done, and so sends each row the same way in every run. At no time do two ports differ by more
/// than the heaviest row. Each port keeps the order of arrival, and every frontier goes to all. Keeps a
/// sum for each port, which saturates.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     jobs    = from_iter([5, 1, 1, 1, 4, 1]);
///     workers = balance(Ways::<2>, |job| *job);
///     jobs -> workers;
///     workers.to_0 -> one;
///     workers.to_1 -> other;
///     one = collect();
///     other = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.one, [5, 1]);
/// assert_eq!(result.other, [1, 1, 1, 4]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn balance<const N: usize, D, T, F>(
    _input: Edge<D, T>,
    _ways: Ways<N>,
    weight: F,
) -> Node<Balance<N, F>, <Ways<N> as WaysOf<D, T, ()>>::Each>
where
    Ways<N>: WaysOf<D, T, ()>,
    F: FnMut(&D) -> u64,
{
    Node::new(Balance { given: [0; N], weight }, Ways::<N>::each())
}

/// See [`balance`].
#[derive(Clone, Debug)]
pub struct Balance<const N: usize, F> {
    given: [u64; N],
    weight: F,
}

impl<const N: usize, F> Balance<N, F> {
    #[inline(always)]
    fn lightest(&self) -> usize {
        (1..N).fold(0, |least, port| if self.given[port] < self.given[least] { port } else { least })
    }
}

impl<const N: usize, F> Operator for Balance<N, F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;

    fn finish(&mut self) {}
}

impl<const N: usize, F> Durable for Balance<N, F> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let mut given = self.given.to_vec();
        fields.value("given", &mut given)?;
        // There may have been more ports, or fewer.
        for (given, loaded) in self.given.iter_mut().zip(given) {
            *given = loaded;
        }
        Ok(())
    }
}

impl<const N: usize, F, Outs> Resume<Outs> for Balance<N, F> {}

impl<const N: usize, D, T, F, Outs> Input<0, D, T, (), Outs> for Balance<N, F>
where
    T: Timestamp,
    F: FnMut(&D) -> u64,
    Outs: Branches<D, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, outs: &mut Outs, _cx: &mut Cx) {
        let port = self.lightest();
        self.given[port] = self.given[port].saturating_add((self.weight)(&row.data));
        outs.push(port, row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, _cx: &mut Cx) {
        outs.advance(frontier);
    }
}
