//! One row held until it is due, and replaced by what comes before that.

use std::task::Poll;

use super::above_zero;
use crate::envelope::Update;
use crate::operator::{Cause, Cx, Input, Operator, Outcome, Progress, Resume, Turn, durable};
use crate::port::{Port, Push};
use crate::state::Storable;
use crate::time::{Frontier, ProcessingTime, TimeDelta, Timestamp};

/// When a row is due that came at a time.
pub trait Due {
    /// Whose length of time this is, for messages.
    const WHAT: &'static str;

    /// That length of time.
    fn length(&self) -> TimeDelta;

    /// The time at which a row is due that came at `now`: after it.
    fn due(&self, now: ProcessingTime) -> ProcessingTime;
}

/// The operator around [`Due`]: holds the latest row until it is due, or the stream ends; those that it replaces
/// are filtered out.
#[derive(Clone, Debug)]
pub struct Latest<D, T: Timestamp, W> {
    when: W,
    row: Option<Update<D, T>>,
    /// When the row is due; where there is none this means nothing.
    due: ProcessingTime,
    input: Frontier<T>,
    output: Frontier<T>,
}

impl<D, T: Timestamp, W: Due> Latest<D, T, W> {
    /// Holds rows for as long as `when` says.
    pub(super) fn new(when: W) -> Self {
        let (input, output) = (Frontier::start(), Frontier::start());
        Latest { when, row: None, due: ProcessingTime::MIN, input, output }
    }

    /// Emits the row that is held, if it is due.
    #[inline]
    fn emit_due<S: Push<D, T, ()>>(&mut self, out: &mut Port<S>, now: ProcessingTime) {
        if self.due <= now {
            self.emit(out);
        }
    }

    #[inline]
    fn emit<S: Push<D, T, ()>>(&mut self, out: &mut Port<S>) {
        if let Some(row) = self.row.take() {
            out.push(row);
        }
    }

    /// Advances the output as far as the row that is held allows.
    #[inline]
    fn release<S: Push<D, T, ()>>(&mut self, out: &mut Port<S>) {
        let held = self.row.as_ref().map_or_else(Frontier::end, |row| Frontier::at(row.time.clone()));
        let allowed = self.input.meet(&held);
        if allowed.is_beyond(&self.output) {
            self.output = allowed.clone();
            out.advance(allowed);
        }
    }
}

impl<D, T: Timestamp, W: Due> Operator for Latest<D, T, W> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;
    const ACTIVE: bool = true;
    const USES_CLOCK: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        above_zero(W::WHAT, self.when.length())
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        match self.row {
            Some(_) => turn.until(self.due).map(Ok),
            None => Poll::Pending,
        }
    }

    fn idle(&mut self) -> bool {
        self.row.is_none()
    }

    fn finish(&mut self) {}
}

durable!(
    Latest<D, T, W> where { D: Storable, T: Timestamp + Storable }
    keeps { due, input, output } and perhaps { row }
);

impl<D, T, W, S> Resume<(Port<S>,)> for Latest<D, T, W>
where
    T: Timestamp,
    W: Due,
    S: Push<D, T, ()>,
{
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        self.emit_due(out, cx.now());
        self.release(out);
        Progress::More
    }
}

impl<D, T, W, S> Input<0, D, T, (), (Port<S>,)> for Latest<D, T, W>
where
    T: Timestamp,
    W: Due,
    S: Push<D, T, ()>,
{
    #[inline]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        // A node before this one may have been resumed first.
        self.emit_due(out, cx.now());
        self.due = self.when.due(cx.now());
        self.row = Some(row);
        if self.output != self.input {
            self.release(out);
        }
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            self.emit(out);
        }
        self.input = frontier;
        self.release(out);
    }
}
