//! One row in; one row out, or the reason why not.

use std::marker::PhantomData;

use crate::envelope::{Failed, Update};
use crate::operator::{Cx, Function, GivesOrFails, Input, Linear, passive};
use crate::port::{Edge, Lends, Port, Push};
use crate::time::{Frontier, Timestamp};

/// A `Result`, under whatever name (`io::Result<B>`): the shape of a node that can fail.
pub trait ResultLike {
    /// What it gives.
    type Ok;
    /// Why it does not.
    type Err;

    /// Itself.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<B, E> ResultLike for Result<B, E> {
    type Ok = B;
    type Err = E;

    #[inline(always)]
    fn into_result(self) -> Result<B, E> {
        self
    }
}

/// Applies a function that can fail: what it gives goes to `out`, why it failed to `err`.
///
/// The function takes its input by value, so that `err` carries `Failed<(), E>`.
pub fn try_map<D, T, R, B, E, F>(
    _input: Edge<D, T, R>,
    f: F,
) -> F::Node<Linear<TryMap<F>, GivesOrFails<B, E>>>
where
    F: Function<D, Result<B, E>>,
{
    F::node(Linear::new(TryMap(f), GivesOrFails::new()))
}

/// Takes results apart: what is `Ok` goes to `out`, why the others failed to `err`, as `Failed<(), E>`.
///
/// It is [`try_map`] of what is a result already. Each port keeps the order of arrival.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     texts   = from_iter(["1", "2", "three"]);
///     numbers = split_results();
///     texts -> map(|text| text.parse::<u32>()) -> numbers -> parsed;
///     numbers.err -> map(|failed| failed.error.to_string()) -> errors;
///     parsed = collect();
///     errors = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.parsed, [1, 2]);
/// assert_eq!(result.errors, ["invalid digit found in string"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn split_results<B, E, T, R>(
    _input: Edge<Result<B, E>, T, R>,
) -> Linear<TryMap<impl FnMut(Result<B, E>) -> Result<B, E>>, GivesOrFails<B, E>> {
    Linear::new(TryMap(std::convert::identity), GivesOrFails::new())
}

/// See [`try_map`].
#[derive(Clone, Debug)]
pub struct TryMap<F>(pub F);

passive!(TryMap<F>, PassedOrFiltered);

impl<D, T, R, Q, F, S, E> Input<0, D, T, R, (Port<S>, Port<E>)> for TryMap<F>
where
    T: Timestamp,
    F: FnMut(D) -> Q,
    Q: ResultLike,
    S: Push<Q::Ok, T, R>,
    E: Push<Failed<(), Q::Err>, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        let Update { data, time, diff } = row;
        match (self.0)(data).into_result() {
            Ok(data) => out.push(Update { data, time, diff }),
            Err(error) => err.push(Update { data: Failed { input: (), error }, time, diff }),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        out.advance(frontier.clone());
        err.advance(frontier);
    }
}

/// As [`TryMap`], for a function that borrows its input; `err` carries the input too.
#[derive(Clone, Debug)]
pub struct TryMapRef<F, A: ?Sized>(F, PhantomData<fn(&A)>);

impl<F, A: ?Sized> TryMapRef<F, A> {
    /// Applies `f` to what each row lends.
    pub fn new(f: F) -> Self {
        TryMapRef(f, PhantomData)
    }

    /// Calls the function.
    pub(super) fn call<Q>(&mut self, row: &A) -> Q
    where
        F: FnMut(&A) -> Q,
    {
        (self.0)(row)
    }
}

passive!(TryMapRef<F, A: ?Sized>, PassedOrFiltered);

impl<A, X, T, R, Q, F, S, E> Input<0, X, T, R, (Port<S>, Port<E>)> for TryMapRef<F, A>
where
    A: ?Sized,
    X: Lends<A>,
    T: Timestamp,
    F: FnMut(&A) -> Q,
    Q: ResultLike,
    S: Push<Q::Ok, T, R>,
    E: Push<Failed<X::Owned, Q::Err>, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<X, T, R>, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        let Update { data: input, time, diff } = row;
        match (self.0)(input.lend()).into_result() {
            Ok(data) => out.push(Update { data, time, diff }),
            Err(error) => err.push(Update { data: Failed { input: input.into_owned(), error }, time, diff }),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        out.advance(frontier.clone());
        err.advance(frontier);
    }
}
