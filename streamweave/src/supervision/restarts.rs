//! How often a child may be started again, and after which time.

use std::collections::VecDeque;

use crate::operator::asynchronous::Retry;
use crate::time::{ProcessingTime, TimeDelta, Units};

/// How often a child may be started again within a stretch of its life, and how long it waits before.
///
/// Failures are counted by the time for which the child has *lived*: while it waits to be started again, or is down, none is
/// forgotten, and a start that works is not yet a life. Only a child that lives for the whole window has its budget back (rule
/// K3). The first restart waits for [`backoff`](Restarts::backoff), each further one of the same window longer.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::supervision::Restarts;
///
/// let restarts = Restarts::at_most(3).within(1.minutes()).backoff(1.secs()).factor(4).wait_at_most(10.secs());
/// assert_eq!([1, 2, 3].map(|attempt| restarts.delay(0, attempt)), [1.secs(), 4.secs(), 10.secs()]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts {
    at_most: u32,
    within: TimeDelta,
    delays: Retry,
    stops: bool,
}

impl Default for Restarts {
    /// Five within a minute; 100 ms before the first, then twice as long each time, up to 30 s.
    fn default() -> Self {
        Restarts::at_most(5)
    }
}

impl Restarts {
    /// So many, within a minute unless [`within`](Restarts::within) says otherwise; the next failure [escalates](super::Directive::Escalate).
    pub fn at_most(restarts: u32) -> Self {
        Restarts { at_most: restarts, within: 1.minutes(), delays: Retry::times(restarts), stops: false }
    }

    /// The window in which they are counted.
    ///
    /// # Panics
    ///
    /// Where it is not above zero: nothing would ever be counted.
    #[must_use]
    pub fn within(self, window: TimeDelta) -> Self {
        assert!(window > TimeDelta::ZERO, "restarts are counted in a window above zero");
        Restarts { within: window, ..self }
    }

    /// How long the first waits; zero is allowed.
    #[must_use]
    pub fn backoff(self, first: TimeDelta) -> Self {
        Restarts { delays: self.delays.backoff(first), ..self }
    }

    /// How many times longer each further one waits.
    #[must_use]
    pub fn factor(self, factor: u32) -> Self {
        Restarts { delays: self.delays.factor(factor), ..self }
    }

    /// None waits longer.
    #[must_use]
    pub fn wait_at_most(self, longest: TimeDelta) -> Self {
        Restarts { delays: self.delays.at_most(longest), ..self }
    }

    /// Each waits for a part of its time only, from a half to the whole, so that children which failed together do not come back
    /// together. The part is drawn from the seed, the child and the attempt alone: the same seed gives the same run.
    #[must_use]
    pub fn jitter(self, seed: u64) -> Self {
        Restarts { delays: self.delays.jitter(seed), ..self }
    }

    /// Stops a child whose budget is spent, instead of escalating: its siblings go on.
    #[must_use]
    pub fn then_stop(self) -> Self {
        Restarts { stops: true, ..self }
    }

    /// How long child number `child` waits after failure number `attempt` of the window, counted from 1.
    pub fn delay(&self, child: u64, attempt: u32) -> TimeDelta {
        self.delays.delay(child, attempt)
    }

    /// Whether so many failures, the last one among them, leave a restart.
    pub(super) fn is_left(&self, failures: u32) -> bool {
        failures <= self.at_most
    }

    /// Whether a child whose budget is spent is stopped.
    pub(super) fn stops(&self) -> bool {
        self.stops
    }
}

/// When a child failed, by the time that it had lived.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    lived: TimeDelta,
    /// Since when it has been alive.
    since: Option<ProcessingTime>,
    failures: VecDeque<TimeDelta>,
}

impl Ledger {
    /// It lives.
    pub(super) fn live(&mut self, now: ProcessingTime) {
        self.since.get_or_insert(now);
    }

    /// It does not live.
    pub(super) fn rest(&mut self, now: ProcessingTime) {
        if let Some(since) = self.since.take() {
            self.lived = self.lived + now.since(since);
        }
    }

    /// It failed: how often within the window, this time included.
    pub(super) fn fail(&mut self, restarts: &Restarts) -> u32 {
        let lived = self.lived;
        self.failures.retain(|failed| *failed + restarts.within > lived);
        self.failures.push_back(lived);
        u32::try_from(self.failures.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> ProcessingTime {
        ProcessingTime::from_micros(secs * 1_000_000)
    }

    #[test]
    fn k3_only_time_that_was_lived_gives_the_budget_back() {
        let restarts = Restarts::at_most(2).within(10.secs());
        let mut ledger = Ledger::default();
        let mut now = 0;
        let mut life = |lived: i64, waited: i64| {
            ledger.live(at(now));
            ledger.rest(at(now + lived));
            now += lived + waited;
            ledger.fail(&restarts)
        };
        assert_eq!(life(1, 100), 1);
        assert_eq!(life(0, 100), 2);
        assert_eq!(life(8, 100), 3, "nine seconds of life lie behind the first, however much was waited for");
        assert_eq!(life(2, 0), 2, "the first two are more than a window ago");
        assert_eq!(life(10, 0), 1);
        assert!(restarts.is_left(2) && !restarts.is_left(3));
    }
}
