//! All but the first rows.

use crate::operator::{Node, state};
use crate::port::{Edge, OnlyOut};

use super::sift::{Sieve, Sift};

/// Filters out the first `rows` rows, in order of arrival, and passes all that come after. Keeps a count.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     lines = from_iter(["name,age", "Ada,36", "Alan,41"]);
///     lines -> skip(1) -> people;
///     people = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.people, ["Ada,36", "Alan,41"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "drop")]
#[doc(alias = "offset")]
pub fn skip<D, T>(_input: Edge<D, T>, rows: u64) -> Node<Sift<Skip>, OnlyOut<D, T, ()>> {
    Node::new(Sift(Skip { left: rows }), OnlyOut::new())
}

/// See [`skip`].
#[derive(Clone, Debug)]
pub struct Skip {
    left: u64,
}

state!(Skip keeps { left });

impl<D> Sieve<D> for Skip {
    #[inline(always)]
    fn passes(&mut self, _row: &D) -> bool {
        let skipped = self.left > 0;
        self.left -= u64::from(skipped);
        !skipped
    }
}
