//! The context in which a node works on a row.

use std::cell::RefCell;

use crate::time::{EventTime, Frontier, ProcessingTime, Timestamp};

/// The context in which a node works on a row, on a frontier or on a timer: a node that asks for `&Cx`
/// takes streams with event time, one that asks for `&Cx<T>` streams with times of type `T`.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// /// How far behind the watermark a row is, in seconds.
/// #[node]
/// fn behind(_: &'static str, cx: &Cx) -> i64 {
///     let behind = |frontier: EventTime| frontier.micros().saturating_sub(cx.time().micros()).max(0);
///     cx.frontier().time().map_or(0, |frontier| behind(*frontier) / 1_000_000)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     rows = from_iter([("a", 10), ("b", 4)]);
///     rows -> event_time(|row| EventTime::from_secs(row.1), bounded(0.secs())) -> map(|row| row.0) -> behind -> untimed() -> seen;
///     seen = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.seen, [0, 6]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cx<T: Timestamp = EventTime> {
    pub(super) time: T,
    pub(super) frontier: Frontier<T>,
    pub(super) now: ProcessingTime,
    /// What the node asked for.
    pub(super) timers: RefCell<Vec<T>>,
    pub(super) alarms: RefCell<Vec<ProcessingTime>>,
}

impl<T: Timestamp> Cx<T> {
    /// A context: for tests of a node's body.
    pub fn new(time: T, frontier: Frontier<T>, now: ProcessingTime) -> Self {
        Cx { time, frontier, now, timers: RefCell::default(), alarms: RefCell::default() }
    }

    /// The time of the row at hand; of the timer, where one has run out; in `on_frontier` the least time that
    /// was possible before the frontier moved, in `on_alarm` the least that is possible.
    pub fn time(&self) -> &T {
        &self.time
    }

    /// The frontier: the least of those of the node's inputs.
    pub fn frontier(&self) -> &Frontier<T> {
        &self.frontier
    }

    /// The time on the clock when the batch at hand was begun.
    pub fn now(&self) -> ProcessingTime {
        self.now
    }

    /// Has `on_timer` called once nothing at `time` can come any more; at once, as it were, where that
    /// is so already. Only a node with state and an `on_timer` has timers; setting one twice sets one.
    pub fn set_timer(&self, time: T) {
        self.timers.borrow_mut().push(time);
    }

    /// Has `on_alarm` called once the clock has come to `at`, by itself and whether rows come or not.
    ///
    /// Alarms go off in the order of their times, one that was set in the past at once; setting one twice sets one. They wait
    /// while what stands behind the node is busy. At the end of the stream they do not go off (rule J6): an alarm
    /// keeps no graph from ending. Only a node with state and an `on_alarm` has alarms.
    pub fn set_alarm(&self, at: ProcessingTime) {
        self.alarms.borrow_mut().push(at);
    }

    /// The alarms that were asked for: for tests of a node's body.
    pub fn take_alarms(&self) -> Vec<ProcessingTime> {
        self.alarms.take()
    }

    /// The timers that were asked for: for tests of a node's body.
    pub fn take_timers(&self) -> Vec<T> {
        self.timers.take()
    }
}
