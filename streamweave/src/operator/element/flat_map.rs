//! One row in, any number out.

use std::marker::PhantomData;

use crate::envelope::Update;
use crate::operator::{Cx, Function, Gives, Input, Items, Linear, passive};
use crate::port::{Edge, Lends, Port, Push};
use crate::time::{Frontier, Timestamp};

/// A function that makes any number of items of a row.
///
/// Implemented for every `FnMut(A) -> impl IntoIterator`; a bound of this kind can be written where
/// the iterator's type cannot.
pub trait Many<A> {
    /// An item.
    type Item;
    /// All items.
    type Items: Iterator<Item = Self::Item>;

    /// The items of a row.
    fn items(&mut self, row: A) -> Self::Items;
}

impl<A, I: IntoIterator, F: FnMut(A) -> I> Many<A> for F {
    type Item = I::Item;
    type Items = I::IntoIter;

    #[inline(always)]
    fn items(&mut self, row: A) -> I::IntoIter {
        self(row).into_iter()
    }
}

/// Applies a function to each row's value and emits every item of what it gives.
///
/// A row whose iterator is empty counts as filtered. All items of a row go on at once, into the
/// buffers of the sinks: memory is bounded by the items of one batch, and an iterator without an end
/// stops the graph.
#[doc(alias = "explode")]
pub fn flat_map<D, T, R, B, I, J, F>(
    _input: Edge<D, T, R>,
    f: F,
) -> F::Node<I::Node<Linear<FlatMap<F>, Gives<B>>>>
where
    F: Function<D, I>,
    I: Items<B, J>,
{
    F::node(I::node(Linear::new(FlatMap(f), Gives::new())))
}

/// See [`flat_map`].
#[derive(Clone, Debug)]
pub struct FlatMap<F>(pub F);

passive!(FlatMap<F>, Tallied);

impl<D, T, R, F, S> Input<0, D, T, R, (Port<S>,)> for FlatMap<F>
where
    T: Timestamp,
    R: Clone,
    F: Many<D>,
    S: Push<F::Item, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data, time, diff } = row;
        emit_all(self.0.items(data), time, diff, out, cx);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

/// As [`FlatMap`], for a function that borrows its input.
///
/// The items may borrow from the row, and no closure can return such an iterator and be named; so
/// the function fills a buffer, which is used again for every row.
#[derive(Clone, Debug)]
pub struct FlatMapRef<F, A: ?Sized, B> {
    fill: F,
    items: Vec<B>,
    borrowed: PhantomData<fn(&A)>,
}

impl<F, A: ?Sized, B> FlatMapRef<F, A, B> {
    /// Emits what `fill` makes of what each row lends.
    pub fn new(fill: F) -> Self {
        FlatMapRef { fill, items: Vec::new(), borrowed: PhantomData }
    }

    /// Calls the function; what it left behind at a row where it panicked is gone.
    pub(super) fn call(&mut self, row: &A) -> std::vec::Drain<'_, B>
    where
        F: FnMut(&A, &mut Vec<B>),
    {
        self.items.clear();
        (self.fill)(row, &mut self.items);
        self.items.drain(..)
    }
}

passive!(FlatMapRef<F, A: ?Sized, B>, Tallied);

impl<A, X, T, R, B, F, S> Input<0, X, T, R, (Port<S>,)> for FlatMapRef<F, A, B>
where
    A: ?Sized,
    X: Lends<A>,
    T: Timestamp,
    R: Clone,
    F: FnMut(&A, &mut Vec<B>),
    S: Push<B, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<X, T, R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data, time, diff } = row;
        (self.fill)(data.lend(), &mut self.items);
        emit_all(self.items.drain(..), time, diff, out, cx);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

#[inline(always)]
fn emit_all<I, T, R, S>(items: I, time: T, diff: R, out: &mut Port<S>, cx: &mut Cx)
where
    I: Iterator,
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
