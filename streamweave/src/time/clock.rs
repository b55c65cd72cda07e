//! The clock on the wall, which operators that work by the clock read through a trait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use super::{EventTime, TimeDelta};

/// A reading of a clock: microseconds since the Unix epoch.
///
/// It says when a row is *worked on*; when something *happened* is [`EventTime`]. Within a run it never
/// goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ProcessingTime(i64);

impl ProcessingTime {
    /// Before every reading.
    pub const MIN: ProcessingTime = ProcessingTime(i64::MIN);

    /// The reading `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        ProcessingTime(micros)
    }

    /// The microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The reading, as the time at which something happened: it was worked on.
    pub const fn as_event_time(self) -> EventTime {
        EventTime::from_micros(self.0)
    }

    /// The length of time since an earlier reading, saturating.
    pub const fn since(self, earlier: ProcessingTime) -> TimeDelta {
        TimeDelta::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for ProcessingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_event_time(), f)
    }
}

impl std::ops::Add<TimeDelta> for ProcessingTime {
    type Output = ProcessingTime;

    fn add(self, delta: TimeDelta) -> ProcessingTime {
        ProcessingTime(self.0.saturating_add(delta.micros()))
    }
}

/// What tells the time to a graph, and wakes it.
///
/// Only nodes that work by the clock (timeouts, retries, rates, intervals) read it; a graph without any
/// never does. [`SystemClock`] is what a graph has unless it is given another one.
pub trait Clock {
    /// The time now; never before an earlier reading.
    fn now(&mut self) -> ProcessingTime;

    /// Ready at `at` or after it; otherwise arranges for a wake-up then. A later call replaces an
    /// earlier one.
    fn poll_until(&mut self, at: ProcessingTime, context: &mut Context<'_>) -> Poll<()>;
}

/// The clock of the system and the timer of tokio.
///
/// It reads the system's clock once and goes on by tokio's, which does not jump, and which tests can
/// pause. The timer is made where it is first needed; a tokio runtime has to be there then, with time
/// enabled.
#[derive(Debug, Default)]
pub struct SystemClock {
    origin: Option<(ProcessingTime, tokio::time::Instant)>,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl SystemClock {
    /// The clock.
    pub fn new() -> Self {
        Self::default()
    }

    fn origin(&mut self) -> (ProcessingTime, tokio::time::Instant) {
        *self.origin.get_or_insert_with(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
            (ProcessingTime(micros), tokio::time::Instant::now())
        })
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> ProcessingTime {
        let (start, began) = self.origin();
        let micros = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        ProcessingTime(start.0.saturating_add(micros))
    }

    fn poll_until(&mut self, at: ProcessingTime, context: &mut Context<'_>) -> Poll<()> {
        let (start, began) = self.origin();
        let after = u64::try_from(at.since(start).micros()).unwrap_or(0);
        // As far as tokio's timer goes: some two years.
        let after = after.min(60_000_000_000_000);
        let deadline = began + std::time::Duration::from_micros(after);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(context)
    }
}

/// A clock that stands still until it is moved by hand: for tests, and for replays.
///
/// All its clones are one clock, and each has an alarm of its own: several graphs may go by it.
///
/// # Examples
///
/// ```
/// use streamweave::time::{Clock, ManualClock, Units};
///
/// let mut clock = ManualClock::new();
/// let start = clock.now();
/// clock.advance(5.secs());
/// assert_eq!(clock.now(), start + 5.secs());
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    shared: Arc<Mutex<Manual>>,
    /// Whose alarm is set by it.
    of: u64,
}

impl Clone for ManualClock {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        let of = self.lock().number();
        ManualClock { shared, of }
    }
}

impl Drop for ManualClock {
    fn drop(&mut self) {
        // Nobody is left to be woken.
        let of = self.of;
        self.lock().alarms.retain(|alarm| alarm.of != of);
    }
}

#[derive(Debug)]
struct Manual {
    now: ProcessingTime,
    /// Who is to be woken, in the order in which they asked.
    alarms: Vec<Alarm>,
    next: u64,
}

#[derive(Debug)]
struct Alarm {
    of: u64,
    at: ProcessingTime,
    waker: Waker,
}

impl Default for Manual {
    fn default() -> Self {
        // The first of the clones is number 0.
        Manual { now: ProcessingTime(0), alarms: Vec::new(), next: 1 }
    }
}

impl Manual {
    /// A number for whoever wants to be woken.
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn poll_until(&mut self, of: u64, at: ProcessingTime, context: &mut Context<'_>) -> Poll<()> {
        self.alarms.retain(|alarm| alarm.of != of);
        if self.now >= at {
            return Poll::Ready(());
        }
        self.alarms.push(Alarm { of, at, waker: context.waker().clone() });
        Poll::Pending
    }
}

impl ManualClock {
    /// A clock that stands at the Unix epoch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock on. A length below zero does not move it back.
    pub fn advance(&self, by: TimeDelta) {
        let to = self.lock().now + by;
        self.advance_to(to);
    }

    /// Moves the clock on to a time, and not back to one.
    pub fn advance_to(&self, to: ProcessingTime) {
        let due = {
            let mut clock = self.lock();
            clock.now = clock.now.max(to);
            let now = clock.now;
            let (due, later): (Vec<Alarm>, Vec<Alarm>) =
                std::mem::take(&mut clock.alarms).into_iter().partition(|alarm| alarm.at <= now);
            clock.alarms = later;
            due
        };
        due.into_iter().for_each(|alarm| alarm.waker.wake());
    }

    /// Moves the clock to the next time at which anybody wants to be woken; whether there was one.
    pub fn jump(&self) -> bool {
        let next = self.next_alarm();
        if let Some(at) = next {
            self.advance_to(at);
        }
        next.is_some()
    }

    /// When anybody wants to be woken next.
    pub fn next_alarm(&self) -> Option<ProcessingTime> {
        self.lock().alarms.iter().map(|alarm| alarm.at).min()
    }

    /// Waits until the clock has been moved on by so much: for nodes under test.
    pub fn sleep(&self, by: TimeDelta) -> impl Future<Output = ()> + Send + use<> {
        let (of, at) = {
            let mut clock = self.lock();
            (clock.number(), clock.now + by)
        };
        let clock = self.clone();
        std::future::poll_fn(move |context| clock.lock().poll_until(of, at, context))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Manual> {
        // Nothing in here panics while it holds the lock.
        self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&mut self) -> ProcessingTime {
        self.lock().now
    }

    fn poll_until(&mut self, at: ProcessingTime, context: &mut Context<'_>) -> Poll<()> {
        let of = self.of;
        self.lock().poll_until(of, at, context)
    }
}
