//! A sample by time: one row of each interval.

use super::latest::{Due, Latest};
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::time::{ProcessingTime, TimeDelta, Timestamp};

/// Passes the latest row of each interval of time on the clock, when the interval ends; the rest is filtered out.
///
/// Intervals are aligned to the clock, as windows are to event time: those of an hour begin on the hour. An
/// interval without rows emits nothing. The end of the stream ends the interval that it falls into. A row
/// that is held, and later replaced, holds the frontier meanwhile. Keeps a row.
///
/// For a sample by number see [`every`](crate::operator::sequence::every), by chance
/// [`sample_by_chance`](crate::operator::sequence::sample_by_chance); for the first row of an interval
/// [`throttle`](super::throttle()).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph shown(readings: u32) -> (display: u32) {
///         readings -> sample(1.secs()) -> latest;
///         latest = inspect(|_| ());
///         latest -> display;
///     }
/// }
///
/// let mut shown = shown::harness();
/// shown.inputs.readings.send(17);
/// shown.inputs.readings.send(18);
/// shown.advance(999.millis());
/// assert!(shown.outputs.display.take().is_empty());
/// shown.advance(1.millis());
/// assert_eq!(shown.outputs.display.take(), [18]);
/// shown.finish().expect("nothing fails").assert_conserved();
/// ```
///
/// # Errors
///
/// The graph is refused where the interval is not above zero.
pub fn sample<D, T: Timestamp>(
    _input: Edge<D, T>,
    every: TimeDelta,
) -> Node<Latest<D, T, AtTicks>, OnlyOut<D, T, ()>> {
    Node::new(Latest::new(AtTicks(every)), OnlyOut::new())
}

/// A row is due at the end of the interval in which it came: see [`sample`].
#[derive(Clone, Copy, Debug)]
pub struct AtTicks(TimeDelta);

impl Due for AtTicks {
    const WHAT: &'static str = "the interval of a sample";

    fn length(&self) -> TimeDelta {
        self.0
    }

    #[inline]
    fn due(&self, now: ProcessingTime) -> ProcessingTime {
        let every = self.0.micros();
        let into = now.micros().rem_euclid(every);
        now + TimeDelta::from_micros(every - into)
    }
}
