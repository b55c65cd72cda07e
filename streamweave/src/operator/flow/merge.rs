//! Several streams made one.

use crate::envelope::Update;
use crate::operator::{Cx, Durable, Input, Node, Operator, Outcome, Resume};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Inputs, Timestamp};

/// Merges the streams of a list: `[a, b] -> merge() -> ..`, where the merge wants no other name.
///
/// A list of streams is merged wherever it leads, row by row in order of arrival; this operator
/// only gives that a place and, as `both = merge();`, a name. The frontier of the output is the
/// least of the inputs' frontiers: an input never heard from holds it back (rule A2), one that has
/// ended does not (rule A13), nor does one that is [idle](Inputs).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     odd  = from_iter([1, 3]);
///     even = from_iter([2, 4]);
///     both = merge();
///     [odd, even] -> both -> rows;
///     rows = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.rows, [1, 3, 2, 4]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "union")]
#[doc(alias = "interleave")]
pub fn merge<D, T: Timestamp, R>(input: Edge<D, T, R>) -> Node<Merge<T, 1>, OnlyOut<D, T, R>> {
    merge_all([input])
}

/// What a list of streams stands for.
pub(crate) fn merge_all<D, T: Timestamp, R, const N: usize>(
    _inputs: [Edge<D, T, R>; N],
) -> Node<Merge<T, N>, OnlyOut<D, T, R>> {
    Node::new(Merge(Inputs::new(N)), OnlyOut::new())
}

/// See [`merge`].
#[derive(Clone, Debug)]
pub struct Merge<T: Timestamp, const N: usize>(Inputs<T>);

impl<T: Timestamp, const N: usize> Operator for Merge<T, N> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn finish(&mut self) {}
}

impl<T: Timestamp + Storable, const N: usize> Durable for Merge<T, N> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.shared("inputs", &mut self.0, |all, more| all.meet(&more))
    }
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
        if let Some(frontier) = self.0.advance(PORT, frontier) {
            out.advance(frontier);
        }
    }
}
