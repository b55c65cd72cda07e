//! Aggregates: many values made one, a value at a time.
//!
//! What an aggregate can do beside adding is said by its traits: [`Merge`] where two can be put together, [`Retract`]
//! where a value can be taken back.
//!
//! | aggregate | keeps | `Merge` | `Retract` |
//! |---|---|---|---|
//! | [`Count`] | a number | yes | yes |
//! | [`Sum`], [`Mean`] | a number or two | yes | of integers |
//! | [`ExactSum`], [`ExactMean`] | 35 words | yes | yes |
//! | [`Variance`] | three numbers | yes | no |
//! | [`Min`], [`Max`], [`First`], [`Last`] | a value | yes | no |
//! | [`TopN`] | n values | yes | no |
//! | [`DistinctCount`], [`Extremes`] | every different value | yes | yes |
//! | [`Collect`] | every value | yes | no |
//! | a tuple of aggregates | what they keep | where all do | where all do |
//!
//! `Min` and `Max` cannot take back a value, for they do not know the next one: [`Extremes`] does. Over a stream of changes
//! there are [`min`](crate::differential::min()), [`max`](crate::differential::max()) and [`top_n`](crate::differential::top_n()).

mod count;
mod distinct_count;
mod exact;
mod extreme;
mod extremes;
mod folded;
mod gathered;
mod sum;
mod top_n;
mod tuple;
mod variance;

#[cfg(test)]
mod tests;

pub use count::Count;
pub use distinct_count::DistinctCount;
pub use exact::{ExactMean, ExactSum};
pub use extreme::{Max, Min};
pub use extremes::Extremes;
pub use folded::Folded;
pub use gathered::{Collect, First, Last};
pub use sum::{Addable, Mean, Subtractable, Sum};
pub use top_n::TopN;
pub use variance::Variance;

/// What sums up the values of a window, or of a key so far.
///
/// # Examples
///
/// ```
/// use streamweave::operator::Aggregate;
///
/// #[derive(Default)]
/// struct Span {
///     ends: Option<(i64, i64)>,
/// }
///
/// impl Aggregate<i64> for Span {
///     type Output = i64;
///
///     fn add(&mut self, value: i64) {
///         let (low, high) = self.ends.unwrap_or((value, value));
///         self.ends = Some((low.min(value), high.max(value)));
///     }
///
///     fn output(&self) -> i64 {
///         self.ends.map_or(0, |(low, high)| high - low)
///     }
/// }
///
/// let mut span = Span::default();
/// [3, 9, 5].into_iter().for_each(|value| span.add(value));
/// assert_eq!(span.output(), 6);
/// ```
pub trait Aggregate<V> {
    /// What it comes to.
    type Output;

    /// Takes a value in.
    fn add(&mut self, value: V);

    /// What the values so far come to; asked for only after at least one.
    fn output(&self) -> Self::Output;

    /// Takes over from a new aggregate what is not saved with the state, the functions that it calls. Called on one that was loaded.
    fn adopt(&mut self, _new: Self)
    where
        Self: Sized,
    {
    }
}

/// An aggregate of which two can be put together: what windows that share their rows, or that merge, ask for.
///
/// # Contract
///
/// `merge` gives what adding the values of `self`, then those of `later`, to a new aggregate would have given.
#[diagnostic::on_unimplemented(
    message = "two of `{Self}` cannot be put together",
    label = "these windows share their rows, or merge: their aggregate has to be a `Merge`",
    note = "implement `streamweave::operator::Merge` for it; a fold by closures says how a row is added, but not how two states are put together: write it as an `Aggregate`"
)]
pub trait Merge {
    /// Takes in what another one has summed up, of values that come after those of this one.
    fn merge(&mut self, later: &Self);

    /// Takes out again, exactly, what an earlier [`merge`](Merge::merge) took in, whichever that was; `false`, and no change,
    /// where that cannot be done.
    ///
    /// A window that slides is then spared to put its slices together anew each time that it fires.
    fn unmerge(&mut self, _part: &Self) -> bool {
        false
    }
}

/// An aggregate that can take back a value: what windows over changes ask for.
///
/// # Contract
///
/// `add(value)`, later `retract(value)`, leaves `output` what it would be without either.
pub trait Retract<V>: Aggregate<V> {
    /// Takes back a value that was added before.
    fn retract(&mut self, value: V);
}
