//! Each row to the port that it names.

use crate::envelope::Update;
use crate::operator::flow::{Branches, Ways, WaysOf};
use crate::operator::{Cx, Input, Node, passive};
use crate::port::Edge;
use crate::time::{Frontier, Timestamp};

/// Sends each row to the port with the number that the function gives for it: 0 to `to_0`, 1 to `to_1`, and what
/// is beyond the last of the `ways` to `rest`.
///
/// No number is out of range, and no row is lost: `rest` goes somewhere, too. Each port keeps the order of arrival;
/// rows keep their time and diff, so the function should depend on the row alone, lest a
/// retraction went another way than its row. Keeps nothing.
///
/// Where the ways have names see [`route`](crate::operator::custom::route()), by the variants of an enum. For two ways by a predicate see [`partition`](super::partition), for rows without regard to what they are
/// [`round_robin`](crate::operator::flow::round_robin()) and [`balance`](crate::operator::flow::balance()).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     letters = from_iter(["a", "to", "the", "a", "this", ""]);
///     lengths = route_by(Ways::<2>, |letters| letters.len().wrapping_sub(1));
///     letters -> lengths;
///     lengths.to_0 -> one;
///     lengths.to_1 -> two;
///     lengths.rest -> others;
///     one = collect();
///     two = collect();
///     others = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.one, ["a", "a"]);
/// assert_eq!(result.two, ["to"]);
/// assert_eq!(result.others, ["the", "this", ""]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "side_output")]
#[doc(alias = "split")]
#[doc(alias = "demux")]
pub fn route_by<const N: usize, D, T, R, F>(
    _input: Edge<D, T, R>,
    _ways: Ways<N>,
    number: F,
) -> Node<RouteBy<F>, <Ways<N> as WaysOf<D, T, R>>::EachAndRest>
where
    Ways<N>: WaysOf<D, T, R>,
    F: FnMut(&D) -> usize,
{
    Node::new(RouteBy(number), Ways::<N>::each_and_rest())
}

/// See [`route_by`].
#[derive(Clone, Debug)]
pub struct RouteBy<F>(F);

passive!(RouteBy<F>, PassedOrFiltered);

impl<D, T, R, F, Outs> Input<0, D, T, R, Outs> for RouteBy<F>
where
    T: Timestamp,
    F: FnMut(&D) -> usize,
    Outs: Branches<D, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, outs: &mut Outs, _cx: &mut Cx) {
        outs.push((self.0)(&row.data), row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, _cx: &mut Cx) {
        outs.advance(frontier);
    }
}
