//! A source that the clock drives.

use std::task::Poll;

use super::rows::end;
use crate::envelope::Update;
use crate::operator::rate::above_zero;
use crate::operator::{Cause, Cx, Node, Operator, Outcome, Progress, Resume, Turn, durable};
use crate::port::{OnlyOut, Port, Push};
use crate::time::{ProcessingTime, TimeDelta};

/// Emits 0, 1, 2, .., one for each interval of time on the clock, the first one interval after the start.
///
/// Ticks that were missed, because the graph was busy or held back, are made up for: the n-th row is never
/// emitted before `n + 1` intervals have gone by, and as many rows come as have. It ends when the graph
/// drains, or after [so many](Node::take) rows. A graph that is restored makes up for the time in which it did not run.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::testing;
/// use streamweave::time::{Clock, ManualClock};
///
/// let mut clock = ManualClock::new();
/// let start = clock.now();
/// let graph = graph! {
///     ticks = interval(10.secs()).take(3);
///     ticks -> seen;
///     seen = collect();
/// };
/// let result = testing::run(graph, clock.clone(), 1)?;
/// assert_eq!(result.seen, [0, 1, 2]);
/// assert_eq!(clock.now(), start + 30.secs());
/// # Ok::<(), streamweave::Error>(())
/// ```
///
/// # Errors
///
/// The graph is refused where the interval is not above zero.
#[doc(alias = "ticker")]
#[doc(alias = "timer")]
pub fn interval(every: TimeDelta) -> Node<Interval, OnlyOut<u64, (), ()>> {
    Node::new(Interval { every, due: None, next: 0, end: u64::MAX }, OnlyOut::new())
}

impl Node<Interval, OnlyOut<u64, (), ()>> {
    /// Ends the stream after so many rows, and with it the graph that has no other source.
    #[must_use]
    pub fn take(self, rows: u64) -> Self {
        self.map_operator(|interval| Interval { end: rows, ..interval })
    }
}

/// See [`interval`].
#[derive(Clone, Debug)]
pub struct Interval {
    every: TimeDelta,
    /// When the next row is; `None` before the start.
    due: Option<ProcessingTime>,
    next: u64,
    end: u64,
}

impl Operator for Interval {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const USES_CLOCK: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        above_zero("the interval of a source", self.every)
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if self.next >= self.end {
            return Poll::Ready(Ok(()));
        }
        let due = *self.due.get_or_insert_with(|| turn.now() + self.every);
        turn.until(due).map(Ok)
    }

    fn finish(&mut self) {}
}

durable!(Interval keeps { due, next });

impl<S: Push<u64, (), ()>> Resume<(Port<S>,)> for Interval {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        if cx.stopping() {
            return end(out);
        }
        for _ in 0..cx.budget() {
            let Some(due) = self.due.filter(|due| *due <= cx.now() && self.next < self.end) else { break };
            out.push(Update::from(self.next));
            self.next += 1;
            self.due = Some(due + self.every);
        }
        if self.next >= self.end { end(out) } else { Progress::More }
    }
}
