//! Each row to the port of its variant.

use crate::envelope::Update;
use crate::operator::{Behind, Cx, Input, Linear, passive};
use crate::port::{Edge, Ports};
use crate::time::{Frontier, Timestamp};

/// An enum whose variants are ports: derived by `#[derive(Ports)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no variants to route by",
    label = "this has to be an enum with a port a variant",
    note = "derive it: `#[derive(Ports)] enum {Self} {{ .. }}`"
)]
pub trait Routes {
    /// The ports of a node behind an edge whose rows have the time `T` and the diff `R`.
    type Ports<T, R>: Ports;

    /// `N`, the node that routes: of what has no variants rustc says so once.
    type Node<N>;

    /// The witnesses.
    fn ports<T, R>() -> Self::Ports<T, R>;

    /// The node.
    fn node<N>(node: N) -> Self::Node<N>;
}

/// Emits a variant into its port.
pub trait RouteInto<T: Timestamp, R, Outs> {
    /// Emits it.
    fn route(self, time: T, diff: R, outs: &mut Outs);

    /// Advances every port.
    fn advance(frontier: Frontier<T>, outs: &mut Outs);
}

/// Sends each row out of the port of its variant, without the variant around it.
///
/// The rows are of an enum with `#[derive(Ports)]`. In a chain, `{ Variant => chain, .. }` is this operator
/// with an arrow from each port.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// #[derive(Clone, Debug, Ports)]
/// enum Payment {
///     Card(u32),
///     Cash(u32),
///     Refused,
/// }
///
/// #[node]
/// fn classify(cents: u32) -> Payment {
///     match cents {
///         0 => Payment::Refused,
///         1..1_000 => Payment::Cash(cents),
///         _ => Payment::Card(cents),
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     amounts = from_iter([5, 12_000, 0, 7]);
///     amounts -> classify -> {
///         Card => by_card,
///         Cash => running_sum() -> cash,
///         Refused => discard,
///     };
///     by_card = collect();
///     cash = last();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.by_card, [12_000]);
/// assert_eq!(result.cash, Some(12));
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn route<E: Routes, T, R>(_input: Edge<E, T, R>) -> E::Node<Linear<Route, RoutesTo<E>>> {
    E::node(Linear::new(Route, RoutesTo(std::marker::PhantomData)))
}

/// See [`route`].
#[derive(Clone, Copy, Debug)]
pub struct Route;

/// A linear node whose outputs are the variants of `E`.
#[derive(Clone, Copy, Debug)]
pub struct RoutesTo<E>(std::marker::PhantomData<fn() -> E>);

impl<E: Routes, D, T, R> Behind<D, T, R> for RoutesTo<E> {
    type Ports = E::Ports<T, R>;

    fn ports(self) -> Self::Ports {
        E::ports()
    }
}

passive!(Route, PassedOrFiltered);

impl<E, T, R, Outs> Input<0, E, T, R, Outs> for Route
where
    T: Timestamp,
    E: RouteInto<T, R, Outs>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<E, T, R>, outs: &mut Outs, _cx: &mut Cx) {
        row.data.route(row.time, row.diff, outs);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, _cx: &mut Cx) {
        E::advance(frontier, outs);
    }
}
