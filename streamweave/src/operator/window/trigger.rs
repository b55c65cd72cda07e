//! When a window fires before its end, and again after it.

use serde::{Deserialize, Serialize};

use crate::operator::{Cause, bounds};
use crate::time::{ProcessingTime, TimeDelta};

use super::assigner::above_zero;

/// Decides, for each window of each key, when it fires besides on time: [early](super::Windows::early), or
/// [late](super::Windows::late).
///
/// Triggers are made of [`rows`], [`period`], [`first_of`](Trigger::first_of) and [`once`](Trigger::once), or are a
/// type of one's own. They repeat: after each firing, whatever caused it, they begin anew.
///
/// # Contract
///
/// Answers depend on the rows and readings of the clock that the trigger is shown, and on nothing else. `due` changes only
/// in `on_row`, `on_clock` and `fired`.
pub trait Trigger: Clone {
    /// What is remembered of one window of one key. In a graph that is `#![durable]` it is `Serialize` and `Deserialize`, too.
    type State: Clone + Default;

    /// Whether it reads the clock.
    const USES_CLOCK: bool = false;

    /// Whether it never fires; then nothing is remembered for it.
    const IS_NEVER: bool = false;

    /// Refuses a configuration that cannot work.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    fn validate(&self) -> Result<(), Cause> {
        Ok(())
    }

    /// A row came; whether the window fires. Without [`USES_CLOCK`](Trigger::USES_CLOCK) `now` means nothing.
    fn on_row(&self, state: &mut Self::State, now: ProcessingTime) -> bool;

    /// When the trigger wants to be asked again although no row comes.
    fn due(&self, _state: &Self::State) -> Option<ProcessingTime> {
        None
    }

    /// The clock has come to what was due, and rows have come since the last firing; whether the window fires. If it does not the trigger
    /// is asked again when another time is due; behind a restart it may be asked once more at the same.
    fn on_clock(&self, _state: &mut Self::State, _now: ProcessingTime) -> bool {
        false
    }

    /// The window has fired.
    fn fired(&self, state: &mut Self::State);

    /// Fires as soon as either does (what elsewhere is called after-first, or any).
    fn first_of<B: Trigger>(self, other: B) -> FirstOf<Self, B> {
        FirstOf(self, other)
    }

    /// Fires at most once, and then leaves the window to its end (and-then-final).
    fn once(self) -> Once<Self> {
        Once(self)
    }
}

bounds! {
    /// What decides when windows fire; see [`Trigger`].
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a trigger",
        label = "expected a trigger, such as `rows(100)` or `period(10.secs())`",
        note = "triggers stand in `streamweave::operator::window`: `rows`, `period`, `a.first_of(b)`, `a.once()`, or a type of your own that implements `Trigger`"
    )]
    Triggers: (Trigger);
}

/// After every so many rows of the key in the window.
///
/// # Errors
///
/// The graph is refused where `rows` is zero.
pub fn rows(rows: u64) -> Rows {
    Rows(rows)
}

/// So long, by the clock, after the first row since the last firing.
///
/// # Errors
///
/// The graph is refused where `period` is not above zero.
pub fn period(period: TimeDelta) -> Period {
    Period(period)
}

/// Never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Never;

impl Trigger for Never {
    type State = ();
    const IS_NEVER: bool = true;

    #[inline(always)]
    fn on_row(&self, _state: &mut (), _now: ProcessingTime) -> bool {
        false
    }

    fn fired(&self, _state: &mut ()) {}
}

/// See [`rows`].
#[derive(Clone, Copy, Debug)]
pub struct Rows(u64);

impl Trigger for Rows {
    /// How many since the last firing.
    type State = u64;

    fn validate(&self) -> Result<(), Cause> {
        if self.0 == 0 {
            Err("a trigger after every 0 rows never fires: expected at least 1".into())
        } else {
            Ok(())
        }
    }

    #[inline]
    fn on_row(&self, seen: &mut u64, _now: ProcessingTime) -> bool {
        *seen += 1;
        *seen >= self.0
    }

    fn fired(&self, seen: &mut u64) {
        *seen = 0;
    }
}

/// See [`period`].
#[derive(Clone, Copy, Debug)]
pub struct Period(TimeDelta);

impl Trigger for Period {
    /// When it fires next, where a row has come.
    type State = Option<ProcessingTime>;
    const USES_CLOCK: bool = true;

    fn validate(&self) -> Result<(), Cause> {
        above_zero("the period of a trigger", self.0)
    }

    fn on_row(&self, due: &mut Self::State, now: ProcessingTime) -> bool {
        // The worker may be behind its alarms.
        *due.get_or_insert(now + self.0) <= now
    }

    fn due(&self, due: &Self::State) -> Option<ProcessingTime> {
        *due
    }

    fn on_clock(&self, due: &mut Self::State, now: ProcessingTime) -> bool {
        due.is_some_and(|due| due <= now)
    }

    fn fired(&self, due: &mut Self::State) {
        *due = None;
    }
}

/// See [`Trigger::first_of`].
#[derive(Clone, Copy, Debug)]
pub struct FirstOf<A, B>(A, B);

impl<A: Trigger, B: Trigger> Trigger for FirstOf<A, B> {
    type State = (A::State, B::State);
    const USES_CLOCK: bool = A::USES_CLOCK || B::USES_CLOCK;
    const IS_NEVER: bool = A::IS_NEVER && B::IS_NEVER;

    fn validate(&self) -> Result<(), Cause> {
        self.0.validate()?;
        self.1.validate()
    }

    fn on_row(&self, (a, b): &mut Self::State, now: ProcessingTime) -> bool {
        // Each has to see every row.
        let (a, b) = (self.0.on_row(a, now), self.1.on_row(b, now));
        a || b
    }

    fn due(&self, (a, b): &Self::State) -> Option<ProcessingTime> {
        self.0.due(a).into_iter().chain(self.1.due(b)).min()
    }

    fn on_clock(&self, (a, b): &mut Self::State, now: ProcessingTime) -> bool {
        let (a, b) = (self.0.on_clock(a, now), self.1.on_clock(b, now));
        a || b
    }

    fn fired(&self, (a, b): &mut Self::State) {
        self.0.fired(a);
        self.1.fired(b);
    }
}

/// See [`Trigger::once`].
#[derive(Clone, Copy, Debug)]
pub struct Once<A>(A);

impl<A: Trigger> Trigger for Once<A> {
    /// `None` once it has fired.
    type State = Unfired<A::State>;
    const USES_CLOCK: bool = A::USES_CLOCK;
    const IS_NEVER: bool = A::IS_NEVER;

    fn validate(&self) -> Result<(), Cause> {
        self.0.validate()
    }

    fn on_row(&self, state: &mut Self::State, now: ProcessingTime) -> bool {
        state.0.as_mut().is_some_and(|state| self.0.on_row(state, now))
    }

    fn due(&self, state: &Self::State) -> Option<ProcessingTime> {
        state.0.as_ref().and_then(|state| self.0.due(state))
    }

    fn on_clock(&self, state: &mut Self::State, now: ProcessingTime) -> bool {
        state.0.as_mut().is_some_and(|state| self.0.on_clock(state, now))
    }

    fn fired(&self, state: &mut Self::State) {
        state.0 = None;
    }
}

/// The state of a trigger that has not fired, or none.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
pub struct Unfired<S>(#[serde(with = "crate::state::maybe")] Option<S>);

impl<S: Default> Default for Unfired<S> {
    fn default() -> Self {
        Unfired(Some(S::default()))
    }
}
