//! The rows from a first one on.

use crate::operator::{Node, View, state};
use crate::port::{Edge, OnlyOut};

use super::sift::{Sieve, Sift};

/// Filters rows out until the predicate is false for the first time: that row and all after it pass,
/// and the predicate is not called again. Keeps a flag.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     lines = from_iter(["# a comment", "", "1", "# 2"]);
///     lines -> skip_while(|line| line.is_empty() || line.starts_with('#')) -> body;
///     body = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.body, ["1", "# 2"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn skip_while<D, T, F>(
    _input: Edge<D, T>,
    predicate: F,
) -> F::Node<Node<Sift<SkipWhile<F>>, OnlyOut<D, T, ()>>>
where
    F: View<D, bool>,
{
    F::node(Node::new(Sift(SkipWhile { predicate, skipping: true }), OnlyOut::new()))
}

/// See [`skip_while`].
#[derive(Clone, Debug)]
pub struct SkipWhile<F> {
    predicate: F,
    skipping: bool,
}

state!(SkipWhile<F> keeps { skipping });

impl<D, F: FnMut(&D) -> bool> Sieve<D> for SkipWhile<F> {
    #[inline(always)]
    fn passes(&mut self, row: &D) -> bool {
        self.skipping = self.skipping && (self.predicate)(row);
        !self.skipping
    }
}
