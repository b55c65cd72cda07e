//! Nodes with state: a value, and a function for each input, for frontiers and for timers.

use std::collections::BTreeSet;

use super::{Cx, Emit};
use crate::envelope::Update;
use crate::operator::{self, Input, Operator, Outcome, Resume};
use crate::time::{Frontier, Inputs, ProcessingTime, Timestamp, TotalOrder};

/// What a node with state is given besides the row: its [`Cx`], or nothing where it does not ask.
pub trait ContextOf<T: Timestamp> {
    /// The timers that are set.
    type Timers: Timers<T, Self>;
    /// Whether the clock is read for it.
    const USES_CLOCK: bool;

    /// The context of work at `time`.
    fn at(time: T, frontier: &Frontier<T>, now: ProcessingTime) -> Self;
}

/// Timers of a node, by their times.
pub trait Timers<T: Timestamp, X: ?Sized>: Default {
    /// Sets those that were asked for in this context.
    fn set(&mut self, cx: X)
    where
        X: Sized;

    /// Takes the first one that the frontier closes.
    fn due(&mut self, frontier: &Frontier<T>) -> Option<T>;
}

/// A node that asks for no context: it takes streams with any time.
#[derive(Clone, Copy, Debug)]
pub struct NoContext;

impl<T: Timestamp> ContextOf<T> for NoContext {
    type Timers = ();
    const USES_CLOCK: bool = false;

    #[inline(always)]
    fn at(_time: T, _frontier: &Frontier<T>, _now: ProcessingTime) -> Self {
        NoContext
    }
}

impl<T: Timestamp> Timers<T, NoContext> for () {
    #[inline(always)]
    fn set(&mut self, _cx: NoContext) {}

    #[inline(always)]
    fn due(&mut self, _frontier: &Frontier<T>) -> Option<T> {
        None
    }
}

impl<T: TotalOrder> ContextOf<T> for Cx<T> {
    type Timers = BTreeSet<T>;
    const USES_CLOCK: bool = true;

    #[inline(always)]
    fn at(time: T, frontier: &Frontier<T>, now: ProcessingTime) -> Self {
        Cx::new(time, frontier.clone(), now)
    }
}

impl<T: TotalOrder> Timers<T, Cx<T>> for BTreeSet<T> {
    #[inline(always)]
    fn set(&mut self, cx: Cx<T>) {
        self.extend(cx.timers.into_inner());
    }

    fn due(&mut self, frontier: &Frontier<T>) -> Option<T> {
        let first = self.first().filter(|first| frontier.closes(first))?.clone();
        self.take(&first)
    }
}

/// What is done with a row that comes in at one port.
pub trait Handle<S, D, T, R, B, X> {
    /// Works on the row.
    fn handle(&mut self, state: &mut S, row: Update<D, T, R>, sent: &mut B, cx: &X);
}

/// A function of the value of a row.
#[derive(Clone, Copy, Debug)]
pub struct OnValue<F>(pub F);

impl<S, D, T, R, B, X, F: FnMut(&mut S, D, &mut B, &X)> Handle<S, D, T, R, B, X> for OnValue<F> {
    #[inline(always)]
    fn handle(&mut self, state: &mut S, row: Update<D, T, R>, sent: &mut B, cx: &X) {
        (self.0)(state, row.data, sent, cx);
    }
}

/// A function of a row in its envelope.
#[derive(Clone, Copy, Debug)]
pub struct OnUpdate<F>(pub F);

impl<S, D, T, R, B, X, F: FnMut(&mut S, Update<D, T, R>, &mut B, &X)> Handle<S, D, T, R, B, X>
    for OnUpdate<F>
{
    #[inline(always)]
    fn handle(&mut self, state: &mut S, row: Update<D, T, R>, sent: &mut B, cx: &X) {
        (self.0)(state, row, sent, cx);
    }
}

/// What is done when the frontier moves.
pub trait OnFrontier<S, B, X> {
    /// Whether anything is.
    const IS_SOME: bool;

    /// Does it.
    fn on_frontier(&mut self, state: &mut S, sent: &mut B, cx: &X);
}

/// What is done when a timer runs out.
pub trait OnTimer<S, T, B, X> {
    /// Does it.
    fn on_timer(&mut self, state: &mut S, time: T, sent: &mut B, cx: &X);
}

/// Nothing is done when the frontier moves.
#[derive(Clone, Copy, Debug)]
pub struct NoFrontier;

impl<S, B, X> OnFrontier<S, B, X> for NoFrontier {
    const IS_SOME: bool = false;

    #[inline(always)]
    fn on_frontier(&mut self, _state: &mut S, _sent: &mut B, _cx: &X) {}
}

impl<S, B, X, F: FnMut(&mut S, &mut B, &X)> OnFrontier<S, B, X> for F {
    const IS_SOME: bool = true;

    #[inline(always)]
    fn on_frontier(&mut self, state: &mut S, sent: &mut B, cx: &X) {
        self(state, sent, cx);
    }
}

/// The node has no timers.
#[derive(Clone, Copy, Debug)]
pub struct NoTimer;

impl<S, T, B, X> OnTimer<S, T, B, X> for NoTimer {
    #[inline(always)]
    fn on_timer(&mut self, _state: &mut S, _time: T, _sent: &mut B, _cx: &X) {}
}

impl<S, T, B, X, F: FnMut(&mut S, T, &mut B, &X)> OnTimer<S, T, B, X> for F {
    #[inline(always)]
    fn on_timer(&mut self, state: &mut S, time: T, sent: &mut B, cx: &X) {
        self(state, time, sent, cx);
    }
}

/// The functions for the ports of a node, as a tuple.
pub trait Handlers {
    /// How many there are.
    const PORTS: usize;
}

/// A node with state.
///
/// A row is worked on as it comes; what it sends goes out at once. When the least frontier of the inputs
/// moves, timers that it closes run out, in the order of their times, then `on_frontier` is called, and
/// then the frontier goes on.
///
/// `H` handles rows, a function for each port, `E` frontiers, `A` timers; `B` is what is sent to, `X` the
/// context.
#[derive(Debug)]
pub struct Stateful<S, H, E, A, B, X: ContextOf<T>, T: Timestamp> {
    state: S,
    handlers: H,
    on_frontier: E,
    on_timer: A,
    sent: B,
    inputs: Inputs<T>,
    frontier: Frontier<T>,
    timers: X::Timers,
}

impl<S, H: Handlers, E, A, B: Default, X: ContextOf<T>, T: Timestamp> Stateful<S, H, E, A, B, X, T> {
    /// A node of this state.
    pub fn new(state: S, handlers: H, on_frontier: E, on_timer: A) -> Self {
        Stateful {
            state,
            handlers,
            on_frontier,
            on_timer,
            sent: B::default(),
            inputs: Inputs::new(H::PORTS),
            frontier: Frontier::start(),
            timers: X::Timers::default(),
        }
    }

    /// What is sent without a row at hand goes out at `time`.
    fn emit<Outs>(&mut self, time: &T, outs: &mut Outs)
    where
        B: Emit<T, (), Outs>,
    {
        self.sent.emit(time, &(), outs);
    }

    /// Lets the timers run out that the frontier closes.
    #[inline(always)]
    fn fire<Outs>(&mut self, outs: &mut Outs, now: ProcessingTime)
    where
        A: OnTimer<S, T, B, X>,
        B: Emit<T, (), Outs>,
    {
        while let Some(time) = self.timers.due(&self.frontier) {
            let cx = X::at(time.clone(), &self.frontier, now);
            self.on_timer.on_timer(&mut self.state, time.clone(), &mut self.sent, &cx);
            self.timers.set(cx);
            self.emit(&time, outs);
        }
    }

    /// Learns that an input has come to a frontier.
    fn advance_input<Outs>(
        &mut self,
        port: usize,
        frontier: Frontier<T>,
        outs: &mut Outs,
        now: ProcessingTime,
    ) where
        E: OnFrontier<S, B, X>,
        A: OnTimer<S, T, B, X>,
        B: Emit<T, (), Outs>,
    {
        let Some(least) = self.inputs.advance(port, frontier) else {
            return;
        };
        let before = std::mem::replace(&mut self.frontier, least.clone());
        self.fire(outs, now);
        // What is sent now is at the least time that was possible still: it is not late.
        if E::IS_SOME
            && !before.reaches(&least)
            && let Some(time) = before.elements().first()
        {
            let cx = X::at(time.clone(), &least, now);
            self.on_frontier.on_frontier(&mut self.state, &mut self.sent, &cx);
            self.timers.set(cx);
            self.emit(time, outs);
        }
        B::advance(least, outs);
    }
}

impl<S, H, E, A, B, X: ContextOf<T>, T: Timestamp> Operator for Stateful<S, H, E, A, B, X, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const USES_CLOCK: bool = X::USES_CLOCK;

    fn finish(&mut self) {}
}

impl<S, H, E, A, B, X: ContextOf<T>, T: Timestamp, Outs> Resume<Outs> for Stateful<S, H, E, A, B, X, T> {}

/// For each port of each number of ports.
macro_rules! inputs {
    ([$($all:ident $n:tt)*]) => {
        impl<$($all),*> Handlers for ($($all,)*) {
            const PORTS: usize = 0 $(+ { let _ = $n; 1 })*;
        }
    };
    ([$($all:ident $n:tt)*] $h:ident $field:tt $($more:tt)*) => {
        inputs! { @ [$($all $n)*] $h $field }
        inputs! { [$($all $n)*] $($more)* }
    };
    (@ [$($all:ident $n:tt)*] $h:ident $field:tt) => {
        impl<D, T, S, E, A, B, X, Outs, $($all),*> Input<$field, D, T, (), Outs>
            for Stateful<S, ($($all,)*), E, A, B, X, T>
        where
            T: Timestamp,
            X: ContextOf<T>,
            $h: Handle<S, D, T, (), B, X>,
            E: OnFrontier<S, B, X>,
            A: OnTimer<S, T, B, X>,
            B: Emit<T, (), Outs>,
        {
            #[inline(always)]
            fn push(&mut self, row: Update<D, T, ()>, outs: &mut Outs, cx: &mut operator::Cx) {
                let time = row.time.clone();
                let context = X::at(time.clone(), &self.frontier, cx.now());
                self.handlers.$field.handle(&mut self.state, row, &mut self.sent, &context);
                self.timers.set(context);
                if self.sent.emit(&time, &(), outs) {
                    cx.passed();
                } else {
                    cx.absorbed();
                }
                // One that was set in the past.
                self.fire(outs, cx.now());
            }

            fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, cx: &mut operator::Cx) {
                self.advance_input($field, frontier, outs, cx.now());
            }
        }
    };
}

inputs! { [F 0] F 0 }
inputs! { [F 0 G 1] F 0 G 1 }
inputs! { [F 0 G 1 H 2] F 0 G 1 H 2 }
inputs! { [F 0 G 1 H 2 J 3] F 0 G 1 H 2 J 3 }
inputs! { [F 0 G 1 H 2 J 3 K 4] F 0 G 1 H 2 J 3 K 4 }
inputs! { [F 0 G 1 H 2 J 3 K 4 L 5] F 0 G 1 H 2 J 3 K 4 L 5 }
inputs! { [F 0 G 1 H 2 J 3 K 4 L 5 M 6] F 0 G 1 H 2 J 3 K 4 L 5 M 6 }
inputs! { [F 0 G 1 H 2 J 3 K 4 L 5 M 6 N 7] F 0 G 1 H 2 J 3 K 4 L 5 M 6 N 7 }
