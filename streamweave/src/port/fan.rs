//! What joins stages: fan-out, fan-in, and cuts.
//!
//! A fan-in is entered through [`InPort`]s on one shared stage: a row goes in the moment it
//! arrives, so the order of arrival is the order of processing, wherever a batch was cut (rule
//! Z1). The borrow is checked at run time and cannot fail: a stage is left before it is entered
//! again, because no cycle runs over direct edges.

use std::cell::RefCell;
use std::marker::PhantomData;

use super::edge::{Conduct, Origin};
use super::outputs::Outputs;
use super::push::{Chain, Push};
use crate::envelope::{Signal, Update};
use crate::operator::{Input, Resume, Stage};
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

/// A stage that several arrows enter.
#[derive(Debug)]
pub struct Shared<S>(RefCell<S>);

impl<S: Chain> Shared<S> {
    /// Shares a stage.
    #[inline(always)]
    pub fn new(stage: S) -> Self {
        Shared(RefCell::new(stage))
    }

    /// The input port number `PORT` of the stage, at the end of the edge `inlet`.
    #[inline(always)]
    pub fn port<const PORT: usize, C>(&self, inlet: C) -> InPort<'_, PORT, S, C> {
        InPort { stage: self, inlet }
    }

    /// See [`Chain::wake`]; the ports do not pass it on, lest it arrive several times.
    pub fn wake(&self) {
        self.0.borrow_mut().wake();
    }

    /// See [`Chain::settle`]; the ports do not pass it on, lest it arrive several times.
    pub fn settle(&self) {
        self.0.borrow_mut().settle();
    }
}

/// The input port number `PORT` of a shared stage.
#[derive(Debug)]
pub struct InPort<'a, const PORT: usize, S, C> {
    stage: &'a Shared<S>,
    inlet: C,
}

impl<const PORT: usize, S, C> Chain for InPort<'_, PORT, S, C> {
    #[inline(always)]
    fn wake(&mut self) {}

    #[inline(always)]
    fn settle(&mut self) {}
}

impl<const PORT: usize, D, T, R, O, Outs, C, N> Push<D, T, R> for InPort<'_, PORT, Stage<'_, O, Outs, N>, C>
where
    T: Timestamp,
    C: Conduct<D, T, R>,
    O: Input<PORT, C::Data, C::Time, C::Diff, Outs> + Resume<Outs>,
    Outs: Outputs,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>) {
        let row = self.inlet.row(row);
        self.stage.0.borrow_mut().push_at::<PORT, C::Data, C::Time, C::Diff>(row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>) {
        let frontier = self.inlet.frontier(frontier);
        self.stage.0.borrow_mut().advance_at::<PORT, C::Data, C::Time, C::Diff>(frontier);
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
