//! A sample: one row of so many.

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Passes the first row and every `n`-th after it, in order of arrival; the rest is filtered out.
///
/// A sample by count: it involves no chance, so it is the same in every run. Keeps a count.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     readings = from_iter(10..=16);
///     readings -> every(3) -> sample;
///     sample = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.sample, [10, 13, 16]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where `n` is zero.
#[doc(alias = "step_by")]
pub fn every<D, T>(_input: Edge<D, T>, n: u64) -> Node<Every, OnlyOut<D, T, ()>> {
    Node::new(Every { n, skip: 0 }, OnlyOut::new())
}

/// See [`every`].
#[derive(Clone, Debug)]
pub struct Every {
    n: u64,
    /// How many rows are filtered out before the next one passes.
    skip: u64,
}

impl Operator for Every {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.n == 0 { Err("the `n` of every n-th row must be above zero, found 0".into()) } else { Ok(()) }
    }

    fn finish(&mut self) {}
}

durable!(Every keeps { skip });

impl<Outs> Resume<Outs> for Every {}

impl<D, T: Timestamp, S: Push<D, T, ()>> Input<0, D, T, (), (Port<S>,)> for Every {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.skip = self.n - 1;
        out.push(row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
