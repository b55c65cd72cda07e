//! One row in, any number out.

use std::marker::PhantomData;

use crate::envelope::Update;
use crate::operator::{Cx, Gives, Input, Linear, passive};
use crate::port::{Edge, Lends, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Applies a function to each row's value and emits every item of what it gives.
///
/// A row whose iterator is empty counts as filtered. All items go on at once: an iterator without
/// an end stops the graph.
pub fn flat_map<D, T, R, I, F>(_input: Edge<D, T, R>, f: F) -> Linear<FlatMap<F>, Gives<I::Item>>
where
    F: FnMut(D) -> I,
    I: IntoIterator,
{
    Linear::new(FlatMap(f), Gives::new())
}

/// See [`flat_map`].
#[derive(Clone, Debug)]
pub struct FlatMap<F>(pub F);

passive!(FlatMap<F>, Tallied);

impl<D, T, R, I, F, S> Input<0, D, T, R, (Port<S>,)> for FlatMap<F>
where
    T: Timestamp,
    R: Clone,
    F: FnMut(D) -> I,
    I: IntoIterator,
    S: Push<I::Item, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data, time, diff } = row;
        emit_all((self.0)(data), time, diff, out, cx);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

/// As [`FlatMap`], for a function that borrows its input.
#[derive(Clone, Debug)]
pub struct FlatMapRef<F, A: ?Sized>(F, PhantomData<fn(&A)>);

impl<F, A: ?Sized> FlatMapRef<F, A> {
    /// Applies `f` to what each row lends.
    pub fn new(f: F) -> Self {
        FlatMapRef(f, PhantomData)
    }
}

passive!(FlatMapRef<F, A: ?Sized>, Tallied);

impl<A, X, T, R, I, F, S> Input<0, X, T, R, (Port<S>,)> for FlatMapRef<F, A>
where
    A: ?Sized,
    X: Lends<A>,
    T: Timestamp,
    R: Clone,
    F: FnMut(&A) -> I,
    I: IntoIterator,
    S: Push<I::Item, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<X, T, R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data, time, diff } = row;
        emit_all((self.0)(data.lend()), time, diff, out, cx);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

#[inline(always)]
fn emit_all<I, T, R, S>(items: I, time: T, diff: R, out: &mut Port<S>, cx: &mut Cx)
where
    I: IntoIterator,
    T: Timestamp,
    R: Clone,
    S: Push<I::Item, T, R>,
{
    let mut any = false;
    for data in items {
        any = true;
        out.push(Update { data, time: time.clone(), diff: diff.clone() });
    }
    if any { cx.passed() } else { cx.filtered() }
}
