//! Each row to one of two ports.

use crate::envelope::Update;
use crate::operator::{Cx, GivesEither, Input, Linear, View, passive};
use crate::port::{Edge, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Sends the rows of which the predicate is true to the port `matching`, the others to `rest`.
///
/// Each port keeps the order of arrival. There is no port `out`: an arrow names the one that it
/// starts at.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     numbers = from_iter(1..=5);
///     parity  = partition(|n| n % 2 == 0);
///     numbers -> parity;
///     parity.matching -> even;
///     parity.rest -> odd;
///     even = collect();
///     odd = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.even, [2, 4]);
/// assert_eq!(result.odd, [1, 3, 5]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "split")]
pub fn partition<D, T, R, F>(
    _input: Edge<D, T, R>,
    predicate: F,
) -> F::Node<Linear<Partition<F>, GivesEither<D>>>
where
    F: View<D, bool>,
{
    F::node(Linear::new(Partition(predicate), GivesEither::new()))
}

/// See [`partition`].
#[derive(Clone, Debug)]
pub struct Partition<F>(F);

passive!(Partition<F>, PassedOrFiltered);

impl<D, T, R, F, M, S> Input<0, D, T, R, (Port<M>, Port<S>)> for Partition<F>
where
    T: Timestamp,
    F: FnMut(&D) -> bool,
    M: Push<D, T, R>,
    S: Push<D, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (matching, rest): &mut (Port<M>, Port<S>), _cx: &mut Cx) {
        if (self.0)(&row.data) {
            matching.push(row);
        } else {
            rest.push(row);
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (matching, rest): &mut (Port<M>, Port<S>), _cx: &mut Cx) {
        matching.advance(frontier.clone());
        rest.advance(frontier);
    }
}
