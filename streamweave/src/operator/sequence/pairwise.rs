//! Each row and the one before it.

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, Repeatable, durable, passive};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::Storable;
use crate::time::{Frontier, Timestamp};

/// Emits each row together with the one directly before it, at the time of the later arrival.
///
/// The first row emits nothing: it is absorbed. Keeps one row.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     readings = from_iter([20, 23, 21]);
///     readings -> pairwise -> map(|(before, now)| now - before) -> steps;
///     steps = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.steps, [3, -2]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "lag")]
pub fn pairwise<D: Repeatable, T>(_input: Edge<D, T>) -> D::Node<Node<Pairwise<D>, OnlyOut<(D, D), T, ()>>> {
    D::node(Node::new(Pairwise { before: None }, OnlyOut::new()))
}

/// See [`pairwise`].
#[derive(Clone, Debug)]
pub struct Pairwise<D> {
    before: Option<D>,
}

passive!(Pairwise<D>, Tallied, keeps);
durable!(Pairwise<D> where { D: Storable } keeps {} and perhaps { before });

impl<D, T, S> Input<0, D, T, (), (Port<S>,)> for Pairwise<D>
where
    D: Clone,
    T: Timestamp,
    S: Push<(D, D), T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Some(before) = self.before.replace(row.data.clone()) else {
            cx.absorbed();
            return;
        };
        cx.passed();
        out.push(row.map(|now| (before, now)));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
