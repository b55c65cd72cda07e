//! Nodes with state: a value, and a function for each input, for frontiers, for timers and for alarms.

use std::collections::BTreeSet;
use std::task::Poll;

use serde::{Deserialize, Serialize};

use super::{Cx, Emit};
use crate::envelope::Update;
use crate::operator::{self, Cause, Durable, Input, Operator, Outcome, Progress, Resume, Turn};
use crate::state::{Fields, Mismatch, State, Storable};
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

/// Timers of a node by their times, and alarms by theirs.
pub trait Timers<T: Timestamp, X: ?Sized>: Default {
    /// Sets those that were asked for in this context; alarms only where the node has any.
    fn set<L: HasAlarms>(&mut self, cx: X)
    where
        X: Sized;

    /// Takes the first timer that the frontier closes.
    fn due(&mut self, frontier: &Frontier<T>) -> Option<T>;

    /// Sets those of another shard, too: each goes off where its key is now, and elsewhere for nothing.
    fn merge(&mut self, other: Self);

    /// When the first alarm goes off.
    fn next_alarm(&self) -> Option<ProcessingTime> {
        None
    }

    /// Takes the first alarm that is due.
    fn due_alarm(&mut self, _now: ProcessingTime) -> Option<ProcessingTime> {
        None
    }
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
    fn set<L: HasAlarms>(&mut self, _cx: NoContext) {}

    #[inline(always)]
    fn due(&mut self, _frontier: &Frontier<T>) -> Option<T> {
        None
    }

    fn merge(&mut self, _other: ()) {}
}

impl<T: TotalOrder> ContextOf<T> for Cx<T> {
    type Timers = TimersAndAlarms<T>;
    const USES_CLOCK: bool = true;

    #[inline(always)]
    fn at(time: T, frontier: &Frontier<T>, now: ProcessingTime) -> Self {
        Cx::new(time, frontier.clone(), now)
    }
}

/// What a node with a context has set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de> + Ord"))]
pub struct TimersAndAlarms<T> {
    timers: BTreeSet<T>,
    alarms: BTreeSet<ProcessingTime>,
}

impl<T> Default for TimersAndAlarms<T> {
    fn default() -> Self {
        TimersAndAlarms { timers: BTreeSet::new(), alarms: BTreeSet::new() }
    }
}

impl<T: TotalOrder> Timers<T, Cx<T>> for TimersAndAlarms<T> {
    #[inline(always)]
    fn set<L: HasAlarms>(&mut self, cx: Cx<T>) {
        self.timers.extend(cx.timers.into_inner());
        if L::HAS_ALARMS {
            self.alarms.extend(cx.alarms.into_inner());
        }
    }

    fn due(&mut self, frontier: &Frontier<T>) -> Option<T> {
        let first = self.timers.first().filter(|first| frontier.closes(first))?.clone();
        self.timers.take(&first)
    }

    fn merge(&mut self, other: Self) {
        self.timers.extend(other.timers);
        self.alarms.extend(other.alarms);
    }

    fn next_alarm(&self) -> Option<ProcessingTime> {
        self.alarms.first().copied()
    }

    fn due_alarm(&mut self, now: ProcessingTime) -> Option<ProcessingTime> {
        self.alarms.first().is_some_and(|first| *first <= now).then(|| self.alarms.pop_first())?
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

/// Whether a node has alarms.
pub trait HasAlarms {
    /// Whether it does.
    const HAS_ALARMS: bool;
}

/// What is done when an alarm goes off.
pub trait OnAlarm<S, B, X>: HasAlarms {
    /// Does it.
    fn on_alarm(&mut self, state: &mut S, at: ProcessingTime, sent: &mut B, cx: &X);
}

/// The node has no alarms.
#[derive(Clone, Copy, Debug)]
pub struct NoAlarm;

impl HasAlarms for NoAlarm {
    const HAS_ALARMS: bool = false;
}

impl<S, B, X> OnAlarm<S, B, X> for NoAlarm {
    fn on_alarm(&mut self, _state: &mut S, _at: ProcessingTime, _sent: &mut B, _cx: &X) {}
}

/// A function of the time of an alarm.
#[derive(Clone, Copy, Debug)]
pub struct ByAlarm<F>(pub F);

impl<F> HasAlarms for ByAlarm<F> {
    const HAS_ALARMS: bool = true;
}

impl<S, B, X, F: FnMut(&mut S, ProcessingTime, &mut B, &X)> OnAlarm<S, B, X> for ByAlarm<F> {
    fn on_alarm(&mut self, state: &mut S, at: ProcessingTime, sent: &mut B, cx: &X) {
        (self.0)(state, at, sent, cx);
    }
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
/// Alarms go off by the clock, between two batches; what is sent then is at the least time that is possible still.
///
/// `H` handles rows, a function for each port, `E` frontiers, `A` timers, `L` alarms; `B` is what is sent to, `X` the
/// context.
#[derive(Debug)]
pub struct Stateful<S, H, E, A, L, B, X: ContextOf<T>, T: Timestamp> {
    state: S,
    handlers: H,
    on_frontier: E,
    on_timer: A,
    on_alarm: L,
    sent: B,
    inputs: Inputs<T>,
    frontier: Frontier<T>,
    timers: X::Timers,
}

impl<S, H: Handlers, E, A, L: HasAlarms, B: Default, X: ContextOf<T>, T: Timestamp>
    Stateful<S, H, E, A, L, B, X, T>
{
    /// A node of this state.
    pub fn new(state: S, handlers: H, on_frontier: E, on_timer: A, on_alarm: L) -> Self {
        Stateful {
            state,
            handlers,
            on_frontier,
            on_timer,
            on_alarm,
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
            self.timers.set::<L>(cx);
            self.emit(&time, outs);
        }
    }

    /// Lets the alarms go off that are due, unless the stream has ended.
    fn go_off<Outs>(&mut self, outs: &mut Outs, now: ProcessingTime)
    where
        L: OnAlarm<S, B, X>,
        B: Emit<T, (), Outs>,
    {
        let Some(time) = self.frontier.elements().first().cloned() else { return };
        while let Some(at) = self.timers.due_alarm(now) {
            let cx = X::at(time.clone(), &self.frontier, now);
            self.on_alarm.on_alarm(&mut self.state, at, &mut self.sent, &cx);
            self.timers.set::<L>(cx);
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
            self.timers.set::<L>(cx);
            self.emit(time, outs);
        }
        B::advance(least, outs);
    }
}

impl<S, H, E, A, L: HasAlarms, B, X: ContextOf<T>, T: Timestamp> Operator
    for Stateful<S, H, E, A, L, B, X, T>
{
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const ACTIVE: bool = L::HAS_ALARMS;
    const USES_CLOCK: bool = X::USES_CLOCK;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        match self.timers.next_alarm() {
            Some(at) if !self.frontier.is_end() => turn.until(at).map(Ok),
            _ => Poll::Pending,
        }
    }

    fn finish(&mut self) {}
}

impl<S, H, E, A, L: HasAlarms, B, X: ContextOf<T>, T: Timestamp + Storable> Durable
    for Stateful<S, H, E, A, L, B, X, T>
where
    S: State,
    X::Timers: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.nested("state", &mut self.state)?;
        fields.shared("inputs", &mut self.inputs, |inputs, other| inputs.meet(&other))?;
        fields.shared("frontier", &mut self.frontier, |frontier, other| *frontier = frontier.meet(&other))?;
        fields.shared("timers", &mut self.timers, Timers::merge)
    }
}

impl<S, H, E, A, L, B, X, T, Outs> Resume<Outs> for Stateful<S, H, E, A, L, B, X, T>
where
    H: Handlers,
    A: OnTimer<S, T, B, X>,
    L: OnAlarm<S, B, X>,
    B: Emit<T, (), Outs> + Default,
    X: ContextOf<T>,
    T: Timestamp,
{
    fn resume(&mut self, outs: &mut Outs, cx: &mut operator::Cx) -> Progress {
        if L::HAS_ALARMS {
            self.go_off(outs, cx.now());
            // A timer that was set in the past.
            self.fire(outs, cx.now());
        }
        Progress::More
    }
}

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
        impl<D, T, S, E, A, L, B, X, Outs, $($all),*> Input<$field, D, T, (), Outs>
            for Stateful<S, ($($all,)*), E, A, L, B, X, T>
        where
            T: Timestamp,
            X: ContextOf<T>,
            $h: Handle<S, D, T, (), B, X>,
            E: OnFrontier<S, B, X>,
            A: OnTimer<S, T, B, X>,
            L: OnAlarm<S, B, X>,
            B: Emit<T, (), Outs> + Default,
        {
            #[inline(always)]
            fn push(&mut self, row: Update<D, T, ()>, outs: &mut Outs, cx: &mut operator::Cx) {
                let time = row.time.clone();
                let context = X::at(time.clone(), &self.frontier, cx.now());
                self.handlers.$field.handle(&mut self.state, row, &mut self.sent, &context);
                self.timers.set::<L>(context);
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
inputs! { [F 0 G 1 H 2 J 3 K 4 Q 5] F 0 G 1 H 2 J 3 K 4 Q 5 }
inputs! { [F 0 G 1 H 2 J 3 K 4 Q 5 M 6] F 0 G 1 H 2 J 3 K 4 Q 5 M 6 }
inputs! { [F 0 G 1 H 2 J 3 K 4 Q 5 M 6 N 7] F 0 G 1 H 2 J 3 K 4 Q 5 M 6 N 7 }
