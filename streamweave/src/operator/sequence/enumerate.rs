//! The number of each row.

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, durable, passive};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Puts each row behind its number, counted from zero in order of arrival. Keeps a count.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = from_iter(["zero", "one"]);
///     words -> enumerate -> numbered;
///     numbered = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.numbered, [(0, "zero"), (1, "one")]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "zip_with_index")]
pub fn enumerate<D, T>(_input: Edge<D, T>) -> Node<Enumerate, OnlyOut<(u64, D), T, ()>> {
    Node::new(Enumerate { next: 0 }, OnlyOut::new())
}

/// See [`enumerate`].
#[derive(Clone, Debug)]
pub struct Enumerate {
    next: u64,
}

passive!(Enumerate, Passed, keeps);
durable!(Enumerate keeps { next });

impl<D, T: Timestamp, S: Push<(u64, D), T, ()>> Input<0, D, T, (), (Port<S>,)> for Enumerate {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let number = self.next;
        self.next += 1;
        out.pass(row.map(|data| (number, data)));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
