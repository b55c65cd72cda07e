//! One row in, one row or none out.

use std::marker::PhantomData;

use crate::envelope::Update;
use crate::operator::{Cx, Function, Gives, Input, Linear, passive};
use crate::port::{Edge, Lends, Port, Push};
use crate::time::{Frontier, Timestamp};

/// An `Option`, under whatever name: the shape of a filter-map.
pub trait OptionLike {
    /// What it may hold.
    type Item;

    /// Itself.
    fn into_option(self) -> Option<Self::Item>;
}

impl<B> OptionLike for Option<B> {
    type Item = B;

    #[inline(always)]
    fn into_option(self) -> Option<B> {
        self
    }
}

/// Applies a function to each row's value and keeps what it gives, where it gives something.
pub fn filter_map<D, T, R, B, F>(_input: Edge<D, T, R>, f: F) -> F::Node<Linear<FilterMap<F>, Gives<B>>>
where
    F: Function<D, Option<B>>,
{
    F::node(Linear::new(FilterMap(f), Gives::new()))
}

/// See [`filter_map`].
#[derive(Clone, Debug)]
pub struct FilterMap<F>(pub F);

passive!(FilterMap<F>, PassedOrFiltered);

impl<D, T, R, Q, F, S> Input<0, D, T, R, (Port<S>,)> for FilterMap<F>
where
    T: Timestamp,
    F: FnMut(D) -> Q,
    Q: OptionLike,
    S: Push<Q::Item, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data, time, diff } = row;
        if let Some(data) = (self.0)(data).into_option() {
            out.push(Update { data, time, diff });
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

/// As [`FilterMap`], for a function that borrows its input.
#[derive(Clone, Debug)]
pub struct FilterMapRef<F, A: ?Sized>(F, PhantomData<fn(&A)>);

impl<F, A: ?Sized> FilterMapRef<F, A> {
    /// Applies `f` to what each row lends.
    pub fn new(f: F) -> Self {
        FilterMapRef(f, PhantomData)
    }

    /// Calls the function.
    pub(super) fn call<Q>(&mut self, row: &A) -> Q
    where
        F: FnMut(&A) -> Q,
    {
        (self.0)(row)
    }
}

passive!(FilterMapRef<F, A: ?Sized>, PassedOrFiltered);

impl<A, X, T, R, Q, F, S> Input<0, X, T, R, (Port<S>,)> for FilterMapRef<F, A>
where
    A: ?Sized,
    X: Lends<A>,
    T: Timestamp,
    F: FnMut(&A) -> Q,
    Q: OptionLike,
    S: Push<Q::Item, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<X, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data, time, diff } = row;
        if let Some(data) = (self.0)(data.lend()).into_option() {
            out.push(Update { data, time, diff });
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
