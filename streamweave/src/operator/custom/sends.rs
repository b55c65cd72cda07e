//! A function with several outputs.

use std::marker::PhantomData;

use super::Emit;
use crate::envelope::Update;
use crate::operator::{Cx, Input, Operator, Outcome, Resume, durable};
use crate::port::Lends;
use crate::time::{Frontier, Timestamp};

/// Calls a function with each row and with outputs to send to; each output is emptied into its port before
/// the next row, so that rows of one port keep their order and none waits.
#[derive(Clone, Debug)]
pub struct Sends<F, B> {
    call: F,
    sent: B,
}

impl<F, B: Default> Sends<F, B> {
    /// Calls `call`.
    pub fn new(call: F) -> Self {
        Sends { call, sent: B::default() }
    }
}

impl<F, B> Operator for Sends<F, B> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn finish(&mut self) {}
}

durable!(Sends < F, B > keeps {});

impl<F, B, Outs> Resume<Outs> for Sends<F, B> {}

impl<D, T, R, F, B, Outs> Input<0, D, T, R, Outs> for Sends<F, B>
where
    T: Timestamp,
    R: Clone,
    F: FnMut(D, &mut B),
    B: Emit<T, R, Outs>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, outs: &mut Outs, cx: &mut Cx) {
        (self.call)(row.data, &mut self.sent);
        if self.sent.emit(&row.time, &row.diff, outs) {
            cx.passed();
        } else {
            cx.filtered();
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, _cx: &mut Cx) {
        B::advance(frontier, outs);
    }
}

/// As [`Sends`], for a function that borrows its input.
#[derive(Clone, Debug)]
pub struct SendsRef<F, B, A: ?Sized> {
    call: F,
    sent: B,
    input: PhantomData<fn(&A)>,
}

impl<F, B: Default, A: ?Sized> SendsRef<F, B, A> {
    /// Calls `call`.
    pub fn new(call: F) -> Self {
        SendsRef { call, sent: B::default(), input: PhantomData }
    }
}

impl<F, B, A: ?Sized> Operator for SendsRef<F, B, A> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn finish(&mut self) {}
}

durable!(SendsRef<F, B, A: ?Sized> keeps {});

impl<F, B, A: ?Sized, Outs> Resume<Outs> for SendsRef<F, B, A> {}

impl<X, T, R, F, B, A, Outs> Input<0, X, T, R, Outs> for SendsRef<F, B, A>
where
    A: ?Sized,
    X: Lends<A>,
    T: Timestamp,
    R: Clone,
    F: FnMut(&A, &mut B),
    B: Emit<T, R, Outs>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<X, T, R>, outs: &mut Outs, cx: &mut Cx) {
        (self.call)(row.data.lend(), &mut self.sent);
        if self.sent.emit(&row.time, &row.diff, outs) {
            cx.passed();
        } else {
            cx.filtered();
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, _cx: &mut Cx) {
        B::advance(frontier, outs);
    }
}
