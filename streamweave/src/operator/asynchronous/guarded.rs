//! Calls that may not take too long, and that are made again where they fail.
//!
//! An attempt is a call under way, and comes to exactly one end, which is looked at in exactly one place,
//! `GuardedCalls::ended`: its future is ready, or it was cut off. To time out an attempt is to cut it
//! off, and nothing more; where its future has become ready before, that is how it ended. From there its
//! row either is done, or waits for its next attempt, and is in no other place (rule I4).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::future::{AbortHandle, Abortable, Aborted};
use futures::stream::FuturesUnordered;

use super::breaker::{Circuit, CircuitBreaker, Pass, Refusal};
use super::calls::Call;
use super::keep::Holds;
use super::operator::UnderWay;
use super::plain::Plain;
use super::read::{Length, Reads, TimedOut};
use super::retry::Retry;
use crate::envelope::Failed;
use crate::operator::{Cause, Turn};
use crate::time::{ProcessingTime, TimeDelta};

/// Calls have a timeout, or are made again where `P` finds that worth it.
#[derive(Clone, Copy, Debug)]
pub struct Guarded<P> {
    pub(super) timeout: Option<TimeDelta>,
    pub(super) retry: Option<Retry>,
    pub(super) breaker: Option<CircuitBreaker>,
    pub(super) when: P,
}

impl Guarded<Always> {
    pub(super) fn when<P>(self, when: P) -> Guarded<P> {
        Guarded { timeout: self.timeout, retry: self.retry, breaker: self.breaker, when }
    }
}

/// What is done about calls, with more to be done.
pub trait IntoGuarded {
    /// Which failures are worth another call.
    type When;

    /// The same, ready for a timeout or a retry.
    fn into_guarded(self) -> Guarded<Self::When>;
}

impl IntoGuarded for Plain {
    type When = Always;

    fn into_guarded(self) -> Guarded<Always> {
        Guarded { timeout: None, retry: None, breaker: None, when: Always }
    }
}

impl<P> IntoGuarded for Guarded<P> {
    type When = P;

    fn into_guarded(self) -> Self {
        self
    }
}

/// Which failures are worth another call.
pub trait When<E> {
    /// Whether this one is.
    fn is_worth_it(&mut self, error: &E) -> bool;
}

/// Every failure is worth another call.
#[derive(Clone, Copy, Debug)]
pub struct Always;

impl<E> When<E> for Always {
    fn is_worth_it(&mut self, _error: &E) -> bool {
        true
    }
}

impl<E, P: FnMut(&E) -> bool> When<E> for P {
    fn is_worth_it(&mut self, error: &E) -> bool {
        self(error)
    }
}

/// Calls under way that are timed, and made again.
///
/// A row is in one of `fresh`, `refused`, `calls` and `pauses` until it is done; its number in `deadlines` while it
/// is in `calls`, where there is a timeout.
pub struct GuardedCalls<D, C: Call<D>, K, P, H: Holds<D>> {
    guards: Guarded<P>,
    holds: H,
    /// Rows for which no call has been made yet: the time is known only when the worker polls.
    fresh: VecDeque<(u64, D)>,
    calls: FuturesUnordered<Watched<H::Held, C::Future>>,
    deadlines: BTreeMap<(ProcessingTime, u64), AbortHandle>,
    pauses: BTreeMap<(ProcessingTime, u64), Attempt<H::Held>>,
    circuit: Option<Circuit>,
    /// Rows that wait for the circuit to let them through.
    refused: VecDeque<(Attempt<H::Held>, D)>,
    /// How many rows there have been.
    rows: u64,
    reads: PhantomData<fn() -> K>,
}

/// A row that is being tried.
struct Attempt<L> {
    /// The number of its slot.
    number: u64,
    /// Which row it is, counted from 0.
    row: u64,
    /// Which attempt, counted from 1.
    count: u32,
    deadline: Option<ProcessingTime>,
    /// What the circuit is to be told about.
    pass: Option<Pass>,
    held: L,
}

/// The end of an attempt.
type Ended<L, O> = (Attempt<L>, Result<O, Aborted>);

/// How a row is done with: its number, and what came of it.
type Done<U, D, C> = (u64, Result<<U as UnderWay<D, C>>::Ok, <U as UnderWay<D, C>>::Fails>);

impl<D, C: Call<D>, K, P, H: Holds<D>> fmt::Debug for GuardedCalls<D, C, K, P, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedCalls")
            .field("calls", &self.calls.len())
            .field("pauses", &self.pauses.len())
            .finish_non_exhaustive()
    }
}

impl<D, C, K, P, H> GuardedCalls<D, C, K, P, H>
where
    C: Call<D>,
    K: Reads<C::Output>,
    P: When<K::Fault>,
    H: Holds<D>,
{
    pub(super) fn new(guards: Guarded<P>, holds: H) -> Self {
        let circuit = guards.breaker.map(Circuit::new);
        GuardedCalls {
            guards,
            holds,
            fresh: VecDeque::new(),
            calls: FuturesUnordered::new(),
            deadlines: BTreeMap::new(),
            pauses: BTreeMap::new(),
            circuit,
            refused: VecDeque::new(),
            rows: 0,
            reads: PhantomData,
        }
    }

    /// Makes the first call for a row; what came of the row, where it is refused.
    fn start(
        &mut self,
        number: u64,
        row: D,
        call: &mut C,
        turn: &mut Turn<'_, '_>,
    ) -> Option<Done<Self, D, C>> {
        let held = self.holds.hold(&row);
        let attempt = Attempt { number, row: self.rows, count: 0, deadline: None, pass: None, held };
        self.rows += 1;
        self.ask(attempt, row, call, turn)
    }

    /// Makes the next call for a row, where the circuit lets it through.
    fn ask(
        &mut self,
        mut attempt: Attempt<H::Held>,
        row: D,
        call: &mut C,
        turn: &mut Turn<'_, '_>,
    ) -> Option<Done<Self, D, C>> {
        if let Some(circuit) = &mut self.circuit {
            // Who waits already comes first.
            let admitted = self.refused.is_empty().then(|| circuit.admit(turn.now()));
            let Some(Ok(pass)) = admitted else {
                if self.guards.breaker.is_some_and(|breaker| breaker.refuses()) {
                    let error = K::refused(attempt.count);
                    return Some((attempt.number, Err(Failed { input: H::kept(attempt.held), error })));
                }
                self.refused.push_back((attempt, row));
                return None;
            };
            attempt.pass = Some(pass);
        }
        self.make(attempt, row, call, turn);
        None
    }

    /// Makes the calls that the circuit lets through by now; whether there was any.
    fn ask_again(&mut self, call: &mut C, turn: &mut Turn<'_, '_>) -> bool {
        let mut any = false;
        while let Some(circuit) = self.circuit.as_mut().filter(|_| !self.refused.is_empty()) {
            let admitted = match circuit.admit(turn.now()) {
                Err(Refusal { until: Some(until) }) if turn.until(until).is_ready() => circuit.admit(until),
                admitted => admitted,
            };
            let Ok(pass) = admitted else { break };
            let (mut attempt, row) = self.refused.pop_front().expect("it is not empty");
            attempt.pass = Some(pass);
            self.make(attempt, row, call, turn);
            any = true;
        }
        any
    }

    /// Makes the next call for a row.
    fn make(&mut self, mut attempt: Attempt<H::Held>, row: D, call: &mut C, turn: &mut Turn<'_, '_>) {
        let (handle, registration) = AbortHandle::new_pair();
        attempt.count += 1;
        attempt.deadline = self.guards.timeout.map(|after| turn.now() + after);
        if let Some(deadline) = attempt.deadline {
            self.deadlines.insert((deadline, attempt.number), handle);
        }
        let future = Box::pin(Abortable::new(call.call(row), registration));
        self.calls.push(Watched { attempt: Some(attempt), future });
    }

    /// An attempt has come to its end; what came of its row, unless there is another.
    fn ended(
        &mut self,
        (attempt, output): Ended<H::Held, C::Output>,
        turn: &mut Turn<'_, '_>,
    ) -> Option<Done<Self, D, C>> {
        if let Some(deadline) = attempt.deadline {
            self.deadlines.remove(&(deadline, attempt.number));
        }
        let fault = match output.map(K::read) {
            Ok(Ok(data)) => {
                self.tell(&attempt, false, turn);
                return Some((attempt.number, Ok(data)));
            }
            Ok(Err(fault)) => Some(fault),
            Err(Aborted) => None,
        };
        let delay = self.delay(&attempt);
        let worth_it = (delay.is_some() || self.circuit.is_some())
            && fault.as_ref().is_none_or(|fault| self.guards.when.is_worth_it(fault));
        self.tell(&attempt, worth_it, turn);
        if let Some(delay) = delay.filter(|_| worth_it) {
            self.pauses.insert((turn.now() + delay, attempt.number), attempt);
            return None;
        }
        let error = match fault {
            Some(fault) => K::failed(fault, attempt.count),
            None => {
                let after = self.guards.timeout.expect("only a timeout cuts an attempt off");
                K::timed_out(TimedOut { after, attempts: attempt.count })
            }
        };
        Some((attempt.number, Err(Failed { input: H::kept(attempt.held), error })))
    }

    /// How long a row waits for its next attempt; `None` where there is none.
    fn delay(&self, attempt: &Attempt<H::Held>) -> Option<TimeDelta> {
        let retry = self.guards.retry.filter(|retry| retry.is_left(attempt.count))?;
        Some(retry.delay(attempt.row, attempt.count))
    }

    /// Tells the circuit what came of a call.
    fn tell(&mut self, attempt: &Attempt<H::Held>, failed: bool, turn: &mut Turn<'_, '_>) {
        if let (Some(circuit), Some(pass)) = (&mut self.circuit, attempt.pass) {
            if failed { circuit.failed(pass, turn.now()) } else { circuit.succeeded(pass) }
        }
    }

    /// Cuts off the attempts whose time is over, and goes on with the rows whose pause is, as long as none comes to its end by that;
    /// whether there was any.
    fn on_time(&mut self, call: &mut C, turn: &mut Turn<'_, '_>) -> (bool, Option<Done<Self, D, C>>) {
        let mut any = false;
        while let Some(entry) = self.deadlines.first_entry()
            && turn.until(entry.key().0).is_ready()
        {
            entry.remove().abort();
            any = true;
        }
        while let Some(entry) = self.pauses.first_entry()
            && turn.until(entry.key().0).is_ready()
        {
            let attempt = entry.remove();
            let row = self.holds.again(&attempt.held).expect("a retry holds the row");
            any = true;
            let done = self.ask(attempt, row, call, turn);
            if done.is_some() {
                return (any, done);
            }
        }
        (any, None)
    }
}

impl<D, C, K, P, H> UnderWay<D, C> for GuardedCalls<D, C, K, P, H>
where
    C: Call<D>,
    K: Reads<C::Output>,
    P: When<K::Fault>,
    H: Holds<D>,
{
    type Ok = K::Ok;
    type Fails = Failed<H::Kept, K::Error>;

    fn validate(&self) -> Result<(), Cause> {
        if let Some(after) = self.guards.timeout
            && after <= TimeDelta::ZERO
        {
            return Err(format!("the timeout of a call must be above zero, found {}", Length(after)).into());
        }
        self.guards.breaker.map_or(Ok(()), |breaker| breaker.validate())?;
        self.guards.retry.map_or(Ok(()), |retry| retry.validate())
    }

    fn begin(&mut self, number: u64, row: D, _call: &mut C) {
        self.fresh.push_back((number, row));
    }

    #[inline(always)]
    fn group(&self, row: &D, call: &mut C) -> u64 {
        call.group(row)
    }

    fn rows(&self) -> usize {
        self.fresh.len() + self.refused.len() + self.calls.len() + self.pauses.len()
    }

    fn pausing(&self) -> usize {
        self.pauses.len() + self.refused.len()
    }

    fn poll_next(&mut self, call: &mut C, turn: &mut Turn<'_, '_>) -> Poll<Done<Self, D, C>> {
        loop {
            while let Some((number, row)) = self.fresh.pop_front() {
                if let Some(done) = self.start(number, row, call, turn) {
                    return Poll::Ready(done);
                }
            }
            while let Poll::Ready(Some(ended)) = Pin::new(&mut self.calls).poll_next(turn.context()) {
                if let Some(done) = self.ended(ended, turn) {
                    return Poll::Ready(done);
                }
            }
            let (any, done) = self.on_time(call, turn);
            if let Some(done) = done {
                return Poll::Ready(done);
            }
            if !self.ask_again(call, turn) && !any {
                return Poll::Pending;
            }
        }
    }
}

/// The call of an attempt.
struct Watched<L, F> {
    attempt: Option<Attempt<L>>,
    future: Pin<Box<Abortable<F>>>,
}

// What is held is never pinned.
impl<L, F> Unpin for Watched<L, F> {}

impl<L, F: Future> Future for Watched<L, F> {
    type Output = Ended<L, F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.future.as_mut().poll(context));
        let attempt = self.attempt.take().expect("an attempt ends once");
        Poll::Ready((attempt, output))
    }
}
