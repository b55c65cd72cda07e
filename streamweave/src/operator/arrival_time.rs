//! Event time for streams that have none: when a row came.

use std::marker::PhantomData;
use std::task::Poll;

use crate::envelope::Update;
use crate::operator::rate::above_zero;
use crate::operator::{Cause, Cx, Durable, Input, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch};
use crate::time::{EventTime, Frontier, ProcessingTime, TimeDelta};

/// Stamps each row with the time on the clock, and advances the frontier with the clock, in steps of `every`, even
/// when nothing comes.
///
/// Behind it every operator on event time works by the clock: this is what processing time is here. A
/// `tumbling(1.hours())` behind `arrival_time(1.secs())` counts the rows that came in each hour of the
/// wall, and fires within a second of the hour's end. No row is late, and no stream is idle: the clock
/// speaks for it. When the stream ends the frontier does, and windows fire that are not over on the clock.
///
/// The frontier is the reading, rounded down to a multiple of `every`. The clock is the graph's, and read once a batch:
/// the rows of a batch have one time. What comes out depends on the readings, as rule Z1 has it; by a
/// [`ManualClock`](crate::time::ManualClock) it is always the same. While what stands behind is busy the
/// frontier waits with the rows. For the times at which things happened see
/// [`event_time`](super::event_time()).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph visits(pages: &'static str) -> (a_minute: Timed<u64>) {
///         counts = tumbling(1.minutes()).aggregate(Count::new);
///         pages -> arrival_time(1.secs()) -> key_by(|_| ()) -> counts -> map(|pane| pane.value.value) -> a_minute;
///         counts.late -> discard;
///     }
/// }
///
/// let mut visits = visits::harness();
/// visits.inputs.pages.send("/");
/// visits.advance(59.secs());
/// visits.inputs.pages.send("/about");
/// visits.settle();
/// assert!(visits.outputs.a_minute.take().is_empty());
/// visits.advance(1.secs());
/// assert_eq!(visits.outputs.a_minute.take(), [2]);
/// visits.finish().expect("nothing fails").assert_conserved();
/// ```
///
/// # Errors
///
/// The graph is refused where `every` is not above zero.
#[doc(alias = "processing_time")]
#[doc(alias = "ingestion_time")]
pub fn arrival_time<D, R>(
    _input: Edge<D, (), R>,
    every: TimeDelta,
) -> Node<ArrivalTime<D, R>, OnlyOut<D, EventTime, R>> {
    Node::new(ArrivalTime { every, reached: None, has_ended: false, rows: PhantomData }, OnlyOut::new())
}

/// See [`arrival_time`].
#[derive(Clone, Debug)]
pub struct ArrivalTime<D, R> {
    every: TimeDelta,
    /// The frontier, once the clock has been read.
    reached: Option<EventTime>,
    has_ended: bool,
    rows: PhantomData<fn(D, R)>,
}

impl<D, R> ArrivalTime<D, R> {
    /// Advances the frontier as far as the clock has come.
    #[inline]
    fn tick<S: Push<D, EventTime, R>>(&mut self, out: &mut Port<S>, now: ProcessingTime) {
        let step = now.as_event_time().floor(self.every.micros());
        if !self.has_ended && self.reached.is_none_or(|reached| step > reached) {
            self.reached = Some(step);
            out.advance(Frontier::at(step));
        }
    }
}

impl<D, R> Operator for ArrivalTime<D, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;
    const ACTIVE: bool = true;
    const USES_CLOCK: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        above_zero("the step of an arrival time", self.every)
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        match self.reached {
            _ if self.has_ended => Poll::Pending,
            Some(reached) => {
                let next = (reached + self.every).micros();
                turn.until(ProcessingTime::from_micros(next)).map(Ok)
            }
            None => Poll::Ready(Ok(())),
        }
    }

    fn finish(&mut self) {}
}

impl<D, R> Durable for ArrivalTime<D, R> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.shared("reached", &mut self.reached, |all, more| *all = more.min(*all))?;
        fields.shared("has_ended", &mut self.has_ended, |all, more| *all &= more)
    }
}

impl<D, R, S: Push<D, EventTime, R>> Resume<(Port<S>,)> for ArrivalTime<D, R> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        self.tick(out, cx.now());
        Progress::More
    }
}

impl<D, R, S: Push<D, EventTime, R>> Input<0, D, (), R, (Port<S>,)> for ArrivalTime<D, R> {
    #[inline]
    fn push(&mut self, row: Update<D, (), R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data, diff, .. } = row;
        out.pass(Update { data, time: cx.now().as_event_time(), diff });
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            self.has_ended = true;
            out.advance(Frontier::end());
        }
    }
}
