//! The first rows.

use crate::operator::{Node, state};
use crate::port::{Edge, OnlyOut};

use super::sift::{Sieve, Sift};

/// Passes the first `rows` rows, in order of arrival; the rest is filtered out.
///
/// The source goes on to its end, and so do the frontier and the end of the stream: to take less from
/// a source, cut it where it is made (`from_iter(rows.take(10))`). Keeps a count.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = from_iter(["to", "be", "or", "not"]);
///     words -> take(2) -> first;
///     first = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.first, ["to", "be"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "limit")]
#[doc(alias = "head")]
pub fn take<D, T>(_input: Edge<D, T>, rows: u64) -> Node<Sift<Take>, OnlyOut<D, T, ()>> {
    Node::new(Sift(Take { left: rows }), OnlyOut::new())
}

/// See [`take`].
#[derive(Clone, Debug)]
pub struct Take {
    left: u64,
}

state!(Take keeps { left });

impl<D> Sieve<D> for Take {
    #[inline(always)]
    fn passes(&mut self, _row: &D) -> bool {
        let passes = self.left > 0;
        self.left -= u64::from(passes);
        passes
    }
}
