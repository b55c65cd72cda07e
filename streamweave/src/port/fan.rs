//! What joins stages: fan-out, and cuts.

use std::marker::PhantomData;

use super::edge::Origin;
use super::push::{Chain, Push};
use crate::envelope::{Signal, Update};
use crate::time::{Frontier, Timestamp};

/// A fan-out: every row and frontier goes to `A`, then to `B`; `F` makes the second row.
#[derive(Debug)]
pub struct Tee<A, B, F>(pub A, pub B, pub F);

impl<A: Chain, B: Chain, F> Chain for Tee<A, B, F> {
    #[inline(always)]
    fn wake(&mut self) {
        self.0.wake();
        self.1.wake();
    }

    #[inline(always)]
    fn settle(&mut self) {
        self.0.settle();
        self.1.settle();
    }
}

impl<D, T, R, A, B, F> Push<D, T, R> for Tee<A, B, F>
where
    T: Timestamp,
    R: Clone,
    A: Push<D, T, R>,
    B: Push<D, T, R>,
    F: Fn(&D) -> D,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>) {
        let data = (self.2)(&row.data);
        self.0.push(Update { data, time: row.time.clone(), diff: row.diff.clone() });
        self.1.push(row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>) {
        self.0.advance(frontier.clone());
        self.1.advance(frontier);
    }
}

/// A cut in a deep chain: calls what stands behind it through a closure.
///
/// Nested stages are nested types. A closure ends the nesting for rustc, which would otherwise
/// reach its recursion limit at some fifty operators, and, being called and not inlined, for LLVM.
pub struct Cut<F, D, T, R>(F, PhantomData<fn(D, T, R)>);

/// Cuts a chain where an edge of this origin ends; `handle` is [`deliver`] to what stands behind.
#[inline(always)]
pub fn cut<I, D, T: Timestamp, R, F>(_edge: Origin<I, D, T, R>, handle: F) -> Cut<F, D, T, R>
where
    F: FnMut(Signal<D, T, R>),
{
    Cut(handle, PhantomData)
}

impl<F: FnMut(Signal<D, T, R>), D, T: Timestamp, R> Chain for Cut<F, D, T, R> {
    fn wake(&mut self) {
        (self.0)(Signal::Wake);
    }

    fn settle(&mut self) {
        (self.0)(Signal::Settle);
    }
}

impl<F: FnMut(Signal<D, T, R>), D, T: Timestamp, R> Push<D, T, R> for Cut<F, D, T, R> {
    #[inline(never)]
    fn push(&mut self, row: Update<D, T, R>) {
        (self.0)(Signal::Row(row));
    }

    #[inline(never)]
    fn advance(&mut self, frontier: Frontier<T>) {
        (self.0)(Signal::Frontier(frontier));
    }
}

/// Hands a message on as the call that it stands for.
#[inline(always)]
pub fn deliver<D, T: Timestamp, R>(to: &mut impl Push<D, T, R>, signal: Signal<D, T, R>) {
    match signal {
        Signal::Row(row) => to.push(row),
        Signal::Frontier(frontier) => to.advance(frontier),
        Signal::Wake => to.wake(),
        Signal::Settle => to.settle(),
    }
}
