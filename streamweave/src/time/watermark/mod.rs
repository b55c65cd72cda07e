//! Watermarks: the promise, made where event time is assigned, of how far the stream has come.
//!
//! A strategy advances with the rows: neither with a clock nor with batches (rule Z1). Only whether a
//! stream is [idle](Strategy::idle_after) is a matter of the clock.

mod bounded;
mod every;
mod idle_after;
mod partitioned;
mod punctuated;

pub use bounded::{BoundedOutOfOrderness, ascending, bounded};
pub use every::Every;
pub use idle_after::IdleAfter;
pub use partitioned::{Partitioned, partitioned};
pub use punctuated::{Punctuated, punctuated};

use super::{EventTime, Frontier, TimeDelta};

/// Turns the timestamps seen so far into a frontier.
///
/// A strategy of your own implements `observe` alone, and [`Strategy`] where it is to be combined. In a graph that is `#![durable]` it says
/// what it keeps, too: `#[derive(State)]`, and `#[state]` on each field that changes; see [`State`](crate::state::State).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::time::Watermark;
///
/// /// Every third row is the last of its time.
/// struct Thirds(u32);
///
/// impl<D> Watermark<D> for Thirds {
///     fn observe(&mut self, _row: &D, time: EventTime) -> Option<EventTime> {
///         self.0 = (self.0 + 1) % 3;
///         (self.0 == 0).then_some(time)
///     }
/// }
///
/// impl Strategy for Thirds {}
///
/// let mut minutes = Thirds(0).every(1.minutes());
/// let seen = [50, 70, 119].map(|secs| minutes.observe(&(), EventTime::from_secs(secs)));
/// assert_eq!(seen, [None, None, Some(EventTime::from_secs(60))]);
/// ```
///
/// # Contract
///
/// `observe` is called once for each row, in order, and answers the new frontier where the row
/// advances it. The answers never decrease. They depend on the rows alone: neither on a clock
/// nor on where a batch was cut (rule Z1).
///
/// `quiet` is called where `USES_CLOCK` is set, and only of time in which a row would have been taken: what is held
/// back is not idle (rule A7).
pub trait Watermark<D> {
    /// Whether it is a matter of the clock that the stream is idle. Without it no clock is read.
    const USES_CLOCK: bool = false;

    /// Takes note of a row at `time`; `Some` when the frontier has advanced because of it. A row makes
    /// an idle stream active.
    fn observe(&mut self, row: &D, time: EventTime) -> Option<EventTime>;

    /// The shortest silence that means anything.
    fn timeout(&self) -> Option<TimeDelta> {
        None
    }

    /// Learns that so much more time has passed on the clock since it was told last, or since the row at which
    /// it was told; gives the frontier where that changes it, in its time or in that it is idle.
    fn quiet(&mut self, _by: TimeDelta) -> Option<Frontier<EventTime>> {
        None
    }
}

/// How strategies are combined: `bounded(2.secs()).every(1.secs()).idle_after(30.secs())`.
pub trait Strategy: Sized {
    /// Advances the frontier only when the greatest time crosses a multiple of `granularity`: fewer frontiers,
    /// each further.
    ///
    /// Each time is rounded down to a multiple before the strategy sees it. So behind [`bounded`] the frontier is
    /// `floor(max, granularity) - bound`, where `max` is the greatest time: at most `granularity` behind
    /// what it would be otherwise, and never ahead of it. What does not look at times, as
    /// [`punctuated`], stays as it is. A granularity below a microsecond counts as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    /// use streamweave::time::Watermark;
    ///
    /// let mut watermark = bounded(2.secs()).every(10.secs());
    /// let at = EventTime::from_secs;
    /// let seen = [11, 15, 19, 20, 29, 41].map(|secs| watermark.observe(&(), at(secs)));
    /// assert_eq!(seen, [Some(at(8)), None, None, Some(at(18)), None, Some(at(38))]);
    /// ```
    fn every(self, granularity: TimeDelta) -> Every<Self> {
        Every::new(self, granularity)
    }

    /// Makes the stream [idle](Frontier::idle) when no row has come for as long as `timeout` on the clock, so that
    /// nobody who takes several streams waits for this one; with the next row it is active again.
    ///
    /// Only time counts during which a row would have been taken: a stream whose source waits for a slow
    /// sink, or for another node, is not idle (rule A7). That is looked at four times in each `timeout`; where a look comes late, because the
    /// graph was at work, a quarter counts, and the sources have their turn before the next. So, with `probe` for
    /// `timeout / 4`, a stream is found idle within `[timeout, timeout + probe]` of its last row, and of
    /// the start of the graph where none came (rule A8, with k = 1), and later only where the graph is held up.
    ///
    /// A row that has no time, or is ahead of the clock, is no sign of life. Inside [`partitioned`] each
    /// partition is idle by itself. A timeout below a microsecond counts as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    ///
    /// graph! {
    ///     graph both(busy: i64, quiet: i64) -> (all: Timed<i64>) {
    ///         a = event_time(|s| EventTime::from_secs(*s), ascending());
    ///         b = event_time(|s| EventTime::from_secs(*s), ascending().idle_after(30.secs()));
    ///         busy -> a;
    ///         quiet -> b;
    ///         [a, b] -> all;
    ///     }
    /// }
    ///
    /// let mut both = both::harness();
    /// both.inputs.quiet.send(10);
    /// both.inputs.busy.send(15);
    /// both.advance(29.secs());
    /// both.outputs.all.take();
    /// assert_eq!(both.outputs.all.frontier().time(), Some(&EventTime::from_secs(10)));
    /// both.advance(1.secs());
    /// both.outputs.all.take();
    /// assert_eq!(both.outputs.all.frontier().time(), Some(&EventTime::from_secs(15)));
    /// ```
    fn idle_after(self, timeout: TimeDelta) -> IdleAfter<Self> {
        IdleAfter::new(self, timeout)
    }
}
