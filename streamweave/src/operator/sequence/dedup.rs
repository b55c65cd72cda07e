//! The first of equal neighbours.

use crate::operator::{Comparable, Node, state};
use crate::port::{Edge, OnlyOut};
use crate::state::Storable;

use super::sift::{Sieve, Sift};

/// Passes a row unless it equals the row directly before it: of a run of equal rows the first passes.
///
/// Rows that are equal but not neighbours pass; [`distinct`](super::distinct()) filters those out too,
/// at the cost of state that grows. Keeps one row. What is not equal to itself (NaN) always passes.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     switch = from_iter(["off", "on", "on", "on", "off"]);
///     switch -> dedup -> changes;
///     changes = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.changes, ["off", "on", "off"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "distinct_until_changed")]
pub fn dedup<D: Comparable, T>(_input: Edge<D, T>) -> D::Node<Node<Sift<Dedup<D>>, OnlyOut<D, T, ()>>> {
    D::node(Node::new(Sift(Dedup { before: None }), OnlyOut::new()))
}

/// See [`dedup`].
#[derive(Clone, Debug)]
pub struct Dedup<D> {
    before: Option<D>,
}

state!(Dedup<D> where { D: Storable } keeps {} and perhaps { before });

impl<D: PartialEq + Clone> Sieve<D> for Dedup<D> {
    #[inline(always)]
    fn passes(&mut self, row: &D) -> bool {
        let passes = self.before.as_ref() != Some(row);
        if passes {
            self.before = Some(row.clone());
        }
        passes
    }
}
