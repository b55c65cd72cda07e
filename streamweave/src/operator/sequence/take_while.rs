//! The rows up to a first one.

use crate::operator::{Node, View, state};
use crate::port::{Edge, OnlyOut};

use super::sift::{Sieve, Sift};

/// Passes rows until the predicate is false for the first time: that row and all after it are filtered
/// out, and the predicate is not called again.
///
/// As with [`take`](super::take()) the source goes on to its end. Keeps a flag.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     numbers = from_iter([1, 2, 5, 3]);
///     numbers -> take_while(|n| *n < 5) -> small;
///     small = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.small, [1, 2]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn take_while<D, T, F>(
    _input: Edge<D, T>,
    predicate: F,
) -> F::Node<Node<Sift<TakeWhile<F>>, OnlyOut<D, T, ()>>>
where
    F: View<D, bool>,
{
    F::node(Node::new(Sift(TakeWhile { predicate, taking: true }), OnlyOut::new()))
}

/// See [`take_while`].
#[derive(Clone, Debug)]
pub struct TakeWhile<F> {
    predicate: F,
    taking: bool,
}

state!(TakeWhile<F> keeps { taking });

impl<D, F: FnMut(&D) -> bool> Sieve<D> for TakeWhile<F> {
    #[inline(always)]
    fn passes(&mut self, row: &D) -> bool {
        self.taking = self.taking && (self.predicate)(row);
        self.taking
    }
}
