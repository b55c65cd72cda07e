//! One row in, one row out.

use std::marker::PhantomData;

use crate::envelope::Update;
use crate::operator::{Cx, Function, Gives, Input, Linear, passive};
use crate::port::{Edge, Lends, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Applies a function to each row's value.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     numbers = from_iter(1..=3);
///     numbers -> map(|n| n * 10) -> tens;
///     tens = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.tens, [10, 20, 30]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "select")]
pub fn map<D, T, R, B, F>(_input: Edge<D, T, R>, f: F) -> F::Node<Linear<Map<F>, Gives<B>>>
where
    F: Function<D, B>,
{
    F::node(Linear::new(Map(f), Gives::new()))
}

/// See [`map`].
#[derive(Clone, Debug)]
pub struct Map<F>(pub F);

passive!(Map<F>, Passed);

impl<D, T, R, B, F, S> Input<0, D, T, R, (Port<S>,)> for Map<F>
where
    T: Timestamp,
    F: FnMut(D) -> B,
    S: Push<B, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.pass(row.map(&mut self.0));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

/// As [`Map`], for a function that borrows its input.
#[derive(Clone, Debug)]
pub struct MapRef<F, A: ?Sized>(F, PhantomData<fn(&A)>);

impl<F, A: ?Sized> MapRef<F, A> {
    /// Applies `f` to what each row lends.
    pub fn new(f: F) -> Self {
        MapRef(f, PhantomData)
    }

    /// Calls the function.
    pub(super) fn call<B>(&mut self, row: &A) -> B
    where
        F: FnMut(&A) -> B,
    {
        (self.0)(row)
    }
}

passive!(MapRef<F, A: ?Sized>, Passed);

impl<A, X, T, R, B, F, S> Input<0, X, T, R, (Port<S>,)> for MapRef<F, A>
where
    A: ?Sized,
    X: Lends<A>,
    T: Timestamp,
    F: FnMut(&A) -> B,
    S: Push<B, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<X, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.pass(row.map(|data| (self.0)(data.lend())));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
