//! A sample by chance that is the same in every run.

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::Chance;
use crate::time::{Frontier, Timestamp};

/// Passes each row with a chance of one in `one_in`, in order of arrival; the rest is filtered out.
///
/// Chance is drawn from the seed once for each row: the same seed takes the same places of a stream in every run.
/// Unlike [`every`](super::every) it is not misled by what recurs in the rows. Keeps a number.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     requests = from_iter(0..100_000);
///     requests -> sample_by_chance(42, 100) -> traced;
///     traced = collect();
/// }
/// .run()
/// .await?;
/// assert!((900..1_100).contains(&result.traced.len()));
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where `one_in` is zero.
pub fn sample_by_chance<D, T: Timestamp>(
    _input: Edge<D, T>,
    seed: u64,
    one_in: usize,
) -> Node<SampleByChance, OnlyOut<D, T, ()>> {
    Node::new(SampleByChance { chance: Chance(seed), one_in }, OnlyOut::new())
}

/// See [`sample_by_chance`].
#[derive(Clone, Debug)]
pub struct SampleByChance {
    chance: Chance,
    one_in: usize,
}

impl Operator for SampleByChance {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.one_in == 0 {
            Err("a chance of one in so many must be above zero, found 0".into())
        } else {
            Ok(())
        }
    }

    fn finish(&mut self) {}
}

durable!(SampleByChance keeps { chance });

impl<Outs> Resume<Outs> for SampleByChance {}

impl<D, T: Timestamp, S: Push<D, T, ()>> Input<0, D, T, (), (Port<S>,)> for SampleByChance {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if self.chance.below(self.one_in) == 0 {
            out.push(row);
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
