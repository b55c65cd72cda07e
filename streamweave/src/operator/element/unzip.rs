//! The two sides of a pair.

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, passive};
use crate::port::{Edge, LeftRight, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Takes pairs apart: the first of each goes to the port `left`, the second to `right`.
///
/// Both keep the order, the time and the diff of the pair: [`zip`](crate::operator::flow::zip()) makes the
/// same pairs of them again. Keeps nothing.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     people = from_iter([("ada", 1815), ("grace", 1906)]);
///     parts  = unzip();
///     people -> parts;
///     parts.left -> names;
///     parts.right -> years;
///     names = collect();
///     years = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.names, ["ada", "grace"]);
/// assert_eq!(result.years, [1815, 1906]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn unzip<A, B, T, R>(_input: Edge<(A, B), T, R>) -> Node<Unzip, LeftRight<A, B, T, R>> {
    Node::new(Unzip, LeftRight::new())
}

/// See [`unzip`].
#[derive(Clone, Copy, Debug)]
pub struct Unzip;

passive!(Unzip, Tallied);

impl<A, B, T, R, L, S> Input<0, (A, B), T, R, (Port<L>, Port<S>)> for Unzip
where
    T: Timestamp,
    R: Clone,
    L: Push<A, T, R>,
    S: Push<B, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<(A, B), T, R>, (left, right): &mut (Port<L>, Port<S>), cx: &mut Cx) {
        cx.passed();
        let Update { data: (first, second), time, diff } = row;
        left.push(Update { data: first, time: time.clone(), diff: diff.clone() });
        right.push(Update { data: second, time, diff });
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (left, right): &mut (Port<L>, Port<S>), _cx: &mut Cx) {
        left.advance(frontier.clone());
        right.advance(frontier);
    }
}
