//! How far a stream has come, by its rows and, where its watermark asks for it, by the clock.

use std::marker::PhantomData;
use std::task::Poll;

use crate::envelope::Update;
use crate::operator::{Cx, Progress, Turn};
use crate::port::{Port, Push};
use crate::state::{Fields, Mismatch, State};
use crate::time::{EventTime, Frontier, ProcessingTime, TimeDelta, Watermark};

/// A watermark, and what it is to be told of silence.
///
/// Silence counts in quarters of the shortest timeout, and a quarter only where the operator was woken for it, and was
/// run: that is, where there was room behind it and a row would have been taken (rule A7). Before each the sources
/// have their turn, so that a row that has come counts before the silence does. A wake-up that
/// finds no room begins the quarter anew, and so does a restore behind which the quarter is over, or has not begun: while no graph
/// ran there was no silence.
#[derive(Clone, Debug)]
pub(super) struct Course<D, R, W> {
    watermark: W,
    /// The frontier that was emitted last, where the watermark uses the clock.
    said: Frontier<EventTime>,
    /// Until when the watermark has been told of silence.
    told: Option<ProcessingTime>,
    /// Whether the sources have had their turn since a quarter is over.
    deferred: bool,
    quarter: Quarter,
    has_ended: bool,
    rows: PhantomData<fn(D, R)>,
}

/// What became of a quarter that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quarter {
    /// It is not over.
    Open,
    /// It is over: is there room behind?
    Asked,
    /// There is; it counts when the operator is run.
    Granted,
    /// It was begun by the graph that was saved.
    Restored,
}

impl<D, R, W> Course<D, R, W> {
    pub(super) fn new(watermark: W) -> Self {
        Course {
            watermark,
            said: Frontier::start(),
            told: None,
            deferred: false,
            quarter: Quarter::Open,
            has_ended: false,
            rows: PhantomData,
        }
    }
}

impl<D, R, W: State> State for Course<D, R, W> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.nested("watermark", &mut self.watermark)?;
        fields.shared("said", &mut self.said, |all, more| *all = all.meet(&more))?;
        // Of several shards all were silent only since the last of them was told.
        fields.shared("told", &mut self.told, |all, more| *all = more.max(*all))?;
        fields.shared("has_ended", &mut self.has_ended, |all, more| *all &= more)?;
        if fields.is_loading() && self.told.is_some() {
            self.quarter = Quarter::Restored;
        }
        Ok(())
    }
}

impl<D, R, W: Watermark<D>> Course<D, R, W> {
    /// Hands on a row, and the frontier that it makes behind it.
    #[inline(always)]
    pub(super) fn hand_on<S: Push<D, EventTime, R>>(
        &mut self,
        row: Update<D, EventTime, R>,
        out: &mut Port<S>,
        cx: &Cx,
        emit: impl FnOnce(&mut Port<S>, Update<D, EventTime, R>),
    ) {
        if let Some(frontier) = self.wake(|| cx.now()) {
            out.advance(frontier);
        }
        let frontier = self.observe(&row.data, row.time);
        emit(out, row);
        if let Some(frontier) = frontier {
            out.advance(frontier);
        }
    }

    /// Hands on what silence makes of the frontier.
    pub(super) fn go_on<S: Push<D, EventTime, R>>(&mut self, out: &mut Port<S>, cx: &Cx) -> Progress {
        if W::USES_CLOCK
            && let Some(frontier) = self.resume(cx.now())
        {
            out.advance(frontier);
        }
        Progress::More
    }

    /// The frontier to be emitted before a row that comes at `now`: the stream is active.
    #[inline(always)]
    fn wake(&mut self, now: impl FnOnce() -> ProcessingTime) -> Option<Frontier<EventTime>> {
        if !W::USES_CLOCK {
            return None;
        }
        let now = now();
        if self.told == Some(now) && !self.said.is_idle() { None } else { self.wake_at(now) }
    }

    #[inline(never)]
    fn wake_at(&mut self, now: ProcessingTime) -> Option<Frontier<EventTime>> {
        let told = self.told.replace(now).unwrap_or(now);
        self.deferred = false;
        let silent = match std::mem::replace(&mut self.quarter, Quarter::Open) {
            Quarter::Open => now.since(told).min(self.quarter_length()),
            Quarter::Restored if self.is_within(told, now) => now.since(told),
            Quarter::Asked | Quarter::Granted | Quarter::Restored => TimeDelta::ZERO,
        };
        let frontier = self.watermark.quiet(silent).unwrap_or(self.said);
        self.say(frontier.active())
    }

    /// The frontier to be emitted after a row.
    #[inline(always)]
    fn observe(&mut self, row: &D, time: EventTime) -> Option<Frontier<EventTime>> {
        let frontier = Frontier::at(self.watermark.observe(row, time)?);
        if W::USES_CLOCK {
            self.said = frontier;
        }
        Some(frontier)
    }

    /// The stream has ended.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Whether a quarter is over. See [`Operator::poll`](crate::operator::Operator::poll).
    pub(super) fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<()> {
        if self.has_ended || self.watermark.timeout().is_none() {
            return Poll::Pending;
        }
        let Some(told) = self.told else { return Poll::Ready(()) };
        match std::mem::replace(&mut self.quarter, Quarter::Open) {
            Quarter::Open => {}
            Quarter::Restored if self.is_within(told, turn.now()) => {}
            Quarter::Asked | Quarter::Granted | Quarter::Restored => {
                self.told = Some(turn.now());
                self.deferred = false;
            }
        }
        let over = self.told.unwrap_or(told) + self.quarter_length();
        if turn.until(over).is_pending() {
            self.deferred = false;
            return Poll::Pending;
        }
        if !std::mem::replace(&mut self.deferred, true) {
            turn.context().waker().wake_by_ref();
            return Poll::Pending;
        }
        self.quarter = Quarter::Asked;
        Poll::Ready(())
    }

    /// See [`Operator::opened`](crate::operator::Operator::opened).
    pub(super) fn opened(&mut self) {
        if self.quarter == Quarter::Asked {
            self.quarter = Quarter::Granted;
        }
    }

    /// The frontier to be emitted for the silence that there was.
    fn resume(&mut self, now: ProcessingTime) -> Option<Frontier<EventTime>> {
        if self.has_ended {
            return None;
        }
        let silent = match (self.told, self.quarter) {
            (None, _) => TimeDelta::ZERO,
            (Some(_), Quarter::Granted) => self.quarter_length(),
            (Some(_), Quarter::Open | Quarter::Asked | Quarter::Restored) => return None,
        };
        self.told = Some(self.told.unwrap_or(now) + silent);
        (self.quarter, self.deferred) = (Quarter::Open, false);
        let frontier = self.watermark.quiet(silent)?;
        self.say(frontier)
    }

    fn say(&mut self, frontier: Frontier<EventTime>) -> Option<Frontier<EventTime>> {
        if frontier == self.said {
            return None;
        }
        self.said = frontier;
        Some(frontier)
    }

    /// Whether the quarter that began at `told` goes on at `now`.
    fn is_within(&self, told: ProcessingTime, now: ProcessingTime) -> bool {
        told <= now && now < told + self.quarter_length()
    }

    /// A quarter of the shortest timeout, rounded up: four of them are no shorter.
    fn quarter_length(&self) -> TimeDelta {
        let timeout = self.watermark.timeout().unwrap_or_default().micros();
        TimeDelta::from_micros((timeout / 4 + i64::from(timeout % 4 > 0)).max(1))
    }
}
