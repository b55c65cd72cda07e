//! Circuit breakers: a service that fails again and again is left alone for a while (M. Nygard, Release It!, 2007).
//!
//! A circuit is in one state:
//!
//! | state | calls | what moves on |
//! |---|---|---|
//! | closed | are made | so many failures within the window: open |
//! | open | are refused | the time is over, and a call is asked for: half open |
//! | half open | one is made, the others are refused (rule K9) | it succeeds: closed; it fails: open |
//!
//! What comes of calls that were made before the last move moves nothing: they are from another time.

use std::collections::VecDeque;

use super::read::Length;
use crate::operator::Cause;
use crate::time::{ProcessingTime, TimeDelta, Units};

/// When calls of a service are given up for a while, and what becomes of rows meanwhile: see
/// [`breaker`](super::AsyncCalls::breaker).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    failures: u32,
    within: TimeDelta,
    open_for: TimeDelta,
    refuses: bool,
}

impl CircuitBreaker {
    /// Opens after so many failed calls within ten seconds, for thirty; rows wait meanwhile, unless it is said otherwise.
    pub fn after(failures: u32) -> Self {
        CircuitBreaker { failures, within: 10.secs(), open_for: 30.secs(), refuses: false }
    }

    /// Counts the failures of so much time.
    #[must_use]
    pub fn within(self, window: TimeDelta) -> Self {
        CircuitBreaker { within: window, ..self }
    }

    /// Is open for so long before a call is tried again.
    #[must_use]
    pub fn open_for(self, time: TimeDelta) -> Self {
        CircuitBreaker { open_for: time, ..self }
    }

    /// Rows do not wait for the circuit to close: they go to `err`, with [`CallError::Refused`](super::CallError::Refused).
    #[must_use]
    pub fn refuse(self) -> Self {
        CircuitBreaker { refuses: true, ..self }
    }

    /// Whether rows go to `err` while the circuit is open.
    pub(super) fn refuses(&self) -> bool {
        self.refuses
    }

    pub(super) fn validate(&self) -> Result<(), Cause> {
        if self.failures == 0 {
            return Err("a circuit opens after at least one failure, found 0".into());
        }
        if self.within <= TimeDelta::ZERO {
            let found = Length(self.within);
            return Err(format!("the window of a circuit breaker must be above zero, found {found}").into());
        }
        if self.open_for.is_negative() {
            let found = Length(self.open_for);
            return Err(format!("a circuit must not be open for less than zero, found {found}").into());
        }
        Ok(())
    }
}

/// A circuit: for sinks and sources of one's own, which ask it before each call and tell it what came of it.
///
/// # Contract
///
/// Each [`Pass`] is given back, to [`succeeded`](Circuit::succeeded) or [`failed`](Circuit::failed): a half open circuit waits for the one call
/// that it let through.
///
/// # Examples
///
/// ```
/// use streamweave::operator::asynchronous::{Circuit, CircuitBreaker};
/// use streamweave::time::{Clock, ManualClock, Units};
///
/// let mut clock = ManualClock::new();
/// let mut circuit = Circuit::new(CircuitBreaker::after(1).open_for(5.secs()));
/// let call = circuit.admit(clock.now()).expect("it is closed");
/// circuit.failed(call, clock.now());
/// assert_eq!(circuit.admit(clock.now()).expect_err("it is open").until, Some(clock.now() + 5.secs()));
///
/// clock.advance(5.secs());
/// let call = circuit.admit(clock.now()).expect("one is tried");
/// assert!(circuit.admit(clock.now()).is_err(), "and no other");
/// circuit.succeeded(call);
/// assert!(circuit.admit(clock.now()).is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Circuit {
    breaker: CircuitBreaker,
    state: State,
    /// How often it has moved.
    moves: u64,
    /// When calls failed, while it is closed.
    failures: VecDeque<ProcessingTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: ProcessingTime },
    HalfOpen,
}

/// A call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the circuit waits to hear what came of the call"]
pub struct Pass(u64);

/// No call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit is open")]
#[non_exhaustive]
pub struct Refusal {
    /// When it is worth asking again; `None` where that depends on the call that is being tried.
    pub until: Option<ProcessingTime>,
}

impl Circuit {
    /// A closed circuit.
    pub fn new(breaker: CircuitBreaker) -> Self {
        Circuit { breaker, state: State::Closed, moves: 0, failures: VecDeque::new() }
    }

    /// Whether a call may be made now.
    ///
    /// # Errors
    ///
    /// It may not; and when it is worth asking again.
    pub fn admit(&mut self, now: ProcessingTime) -> Result<Pass, Refusal> {
        match self.state {
            State::Closed => {}
            State::Open { until } if now < until => return Err(Refusal { until: Some(until) }),
            State::Open { .. } => self.go(State::HalfOpen),
            State::HalfOpen => return Err(Refusal { until: None }),
        }
        Ok(Pass(self.moves))
    }

    /// The call has succeeded.
    pub fn succeeded(&mut self, call: Pass) {
        if call.0 == self.moves && self.state == State::HalfOpen {
            tracing::info!("a circuit is closed again");
            self.go(State::Closed);
        }
    }

    /// The call has failed, now.
    pub fn failed(&mut self, call: Pass, now: ProcessingTime) {
        if call.0 != self.moves {
            return;
        }
        self.failures.push_back(now);
        self.failures.retain(|failed| now.since(*failed) < self.breaker.within);
        if self.state == State::HalfOpen || self.failures.len() >= self.breaker.failures as usize {
            tracing::warn!(failures = self.failures.len(), "a circuit is open");
            self.go(State::Open { until: now + self.breaker.open_for });
        }
    }

    /// Whether calls are refused, but for one that is tried.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    fn go(&mut self, state: State) {
        self.state = state;
        self.moves += 1;
        self.failures.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> ProcessingTime {
        ProcessingTime::from_micros(secs * 1_000_000)
    }

    fn fail(circuit: &mut Circuit, secs: i64) {
        let call = circuit.admit(at(secs)).expect("it lets calls through");
        circuit.failed(call, at(secs));
    }

    #[test]
    fn k9_it_opens_after_so_many_failures_within_the_window_and_not_before() {
        let mut circuit = Circuit::new(CircuitBreaker::after(3).within(10.secs()));
        for secs in [0, 5, 10, 15, 20] {
            fail(&mut circuit, secs);
            assert!(!circuit.is_open(), "two within ten seconds at most");
        }
        fail(&mut circuit, 24);
        assert!(circuit.is_open());
    }

    #[test]
    fn k9_half_open_it_admits_one_and_what_that_comes_to_decides() {
        let mut circuit = Circuit::new(CircuitBreaker::after(1).open_for(5.secs()));
        let early = circuit.admit(at(0)).expect("it is closed");
        fail(&mut circuit, 0);
        for (asked, succeeds) in [(5, false), (10, false), (15, true)] {
            assert_eq!(circuit.admit(at(asked - 1)), Err(Refusal { until: Some(at(asked)) }));
            let tried = circuit.admit(at(asked)).expect("its time is over");
            for _ in 0..3 {
                assert_eq!(circuit.admit(at(asked + 100)), Err(Refusal { until: None }));
            }
            // A call of before it opened decides nothing.
            circuit.succeeded(early);
            circuit.failed(early, at(asked));
            assert!(circuit.is_open());
            if succeeds {
                circuit.succeeded(tried)
            } else {
                circuit.failed(tried, at(asked))
            }
            assert_eq!(circuit.is_open(), !succeeds);
        }
    }
}
