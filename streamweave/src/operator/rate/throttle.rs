//! At most one row in so long a time.

use super::above_zero;
use crate::envelope::Update;
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::time::{Frontier, ProcessingTime, TimeDelta, Timestamp};

/// Passes a row at once, and then none until `interval` has gone by on the clock; those are filtered out.
///
/// The first row of a flurry passes, where [`debounce`](super::debounce()) passes the last. Nothing is held, so
/// nothing is delayed and the frontier passes as it is; to lose no row, see
/// [`rate_limit`](super::rate_limit()). Keeps a time.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph alarms(raised: u32) -> (mails: u32) {
///         raised -> throttle(1.hours()) -> seldom;
///         seldom = inspect(|_| ());
///         seldom -> mails;
///     }
/// }
///
/// let mut alarms = alarms::harness();
/// alarms.inputs.raised.send(1);
/// alarms.inputs.raised.send(2);
/// alarms.advance(59.minutes());
/// alarms.inputs.raised.send(3);
/// alarms.advance(1.minutes());
/// alarms.inputs.raised.send(4);
/// alarms.finish().expect("nothing fails").assert_conserved();
/// assert_eq!(alarms.outputs.mails.take(), [1, 4]);
/// ```
///
/// # Errors
///
/// The graph is refused where the interval is not above zero.
pub fn throttle<D, T: Timestamp>(
    _input: Edge<D, T>,
    interval: TimeDelta,
) -> Node<Throttle, OnlyOut<D, T, ()>> {
    Node::new(Throttle { interval, next: ProcessingTime::MIN }, OnlyOut::new())
}

/// See [`throttle`].
#[derive(Clone, Debug)]
pub struct Throttle {
    interval: TimeDelta,
    /// Before this no row passes.
    next: ProcessingTime,
}

impl Operator for Throttle {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;
    const USES_CLOCK: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        above_zero("the interval of a throttle", self.interval)
    }

    fn finish(&mut self) {}
}

durable!(Throttle keeps { next });

impl<Outs> Resume<Outs> for Throttle {}

impl<D, T: Timestamp, S: Push<D, T, ()>> Input<0, D, T, (), (Port<S>,)> for Throttle {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        if cx.now() >= self.next {
            self.next = cx.now() + self.interval;
            out.push(row);
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
