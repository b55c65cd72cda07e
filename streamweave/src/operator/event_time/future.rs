//! Rows whose time is ahead of the clock.

use std::task::Poll;

use super::{AssignTime, Extracted, TryAssignTime};
use crate::envelope::{Failed, Update};
use crate::operator::{Cause, Cx, Durable, Input, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{OnlyOut, OutErr, OutErrFuture, OutFuture, Port, Push};
use crate::state::{Fields, Mismatch};
use crate::time::{EventTime, Frontier, ProcessingTime, TimeDelta, Watermark};

/// A row whose time is further ahead of the clock than was allowed: what a `future` port carries.
///
/// The stream of such rows has no time: theirs is beyond whatever the frontier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ahead<D> {
    /// The row.
    pub row: D,
    /// Its time.
    pub time: EventTime,
    /// The time on the clock when it came.
    pub now: ProcessingTime,
}

impl<D, R, F, W> Node<AssignTime<D, R, F, W>, OnlyOut<D, EventTime, R>>
where
    W: Watermark<D>,
{
    /// Keeps rows apart whose time is more than `skew` ahead of the clock: they do not move the frontier, and go
    /// to the port `future` (rule A10).
    ///
    /// One sender whose clock is wrong by a year would otherwise make everybody else late for a year. A row at exactly
    /// `skew` is let through. Such a row is no sign of life of a stream that is
    /// [idle](crate::time::Strategy::idle_after). The clock is the graph's; a skew below zero
    /// asks for rows that are older than that.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::operator::Ahead;
    /// use streamweave::prelude::*;
    ///
    /// graph! {
    ///     graph readings(secs: i64) -> (good: Timed<i64>, ahead: Ahead<i64>) {
    ///         stamped = event_time(|s| EventTime::from_secs(*s), ascending()).ahead_at_most(5.secs());
    ///         secs -> stamped -> good;
    ///         stamped.future -> ahead;
    ///     }
    /// }
    ///
    /// let mut readings = readings::harness();
    /// readings.advance(100.secs());
    /// for secs in [99, 9_000, 105] {
    ///     readings.inputs.secs.send(secs);
    /// }
    /// readings.finish().expect("nothing fails").assert_conserved();
    /// assert_eq!(readings.outputs.good.take(), [99, 105]);
    /// assert_eq!(readings.outputs.ahead.take()[0].time, EventTime::from_secs(9_000));
    /// ```
    #[must_use]
    pub fn ahead_at_most(
        self,
        skew: TimeDelta,
    ) -> Node<AheadAtMost<AssignTime<D, R, F, W>>, OutFuture<D, EventTime, R, Ahead<D>, (), R>> {
        Node::new(AheadAtMost { operator: self.operator, skew }, OutFuture::new())
    }
}

impl<D, R, F, W, E> Node<TryAssignTime<D, R, F, W>, OutErr<D, EventTime, Failed<D, E>, (), R>>
where
    W: Watermark<D>,
{
    /// As for rows that all have a time; there are the ports `out`, `err` and `future` then.
    #[must_use]
    pub fn ahead_at_most(
        self,
        skew: TimeDelta,
    ) -> Node<AheadAtMost<TryAssignTime<D, R, F, W>>, OutErrFuture<D, EventTime, R, Failed<D, E>, Ahead<D>, ()>>
    {
        Node::new(AheadAtMost { operator: self.operator, skew }, OutErrFuture::new())
    }
}

/// See [`ahead_at_most`](Node::ahead_at_most).
#[derive(Clone, Debug)]
pub struct AheadAtMost<O> {
    operator: O,
    skew: TimeDelta,
}

impl<O> AheadAtMost<O> {
    /// Whether a time is further ahead than that.
    #[inline]
    fn is_ahead(&self, time: EventTime, now: ProcessingTime) -> bool {
        time > now.as_event_time() + self.skew
    }
}

impl<O: Operator<Yield = ()>> Operator for AheadAtMost<O> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;
    const ACTIVE: bool = O::ACTIVE;
    const HEEDS_SILENCE: bool = O::HEEDS_SILENCE;
    const USES_CLOCK: bool = true;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.operator.poll(turn)
    }

    fn opened(&mut self) {
        self.operator.opened();
    }

    fn finish(&mut self) {}
}

impl<O: Durable + Operator<Yield = ()>> Durable for AheadAtMost<O> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.operator.fields(fields)
    }
}

impl<D, R, F, W, S, U> Resume<(Port<S>, Port<U>)> for AheadAtMost<AssignTime<D, R, F, W>>
where
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
{
    fn resume(&mut self, (out, _future): &mut (Port<S>, Port<U>), cx: &mut Cx) -> Progress {
        self.operator.course.go_on(out, cx)
    }
}

impl<D, R, F, W, S, E, U> Resume<(Port<S>, Port<E>, Port<U>)> for AheadAtMost<TryAssignTime<D, R, F, W>>
where
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
{
    fn resume(&mut self, (out, ..): &mut (Port<S>, Port<E>, Port<U>), cx: &mut Cx) -> Progress {
        self.operator.course.go_on(out, cx)
    }
}

impl<D, R, F, W, S, U> Input<0, D, (), R, (Port<S>, Port<U>)> for AheadAtMost<AssignTime<D, R, F, W>>
where
    F: FnMut(&D) -> EventTime,
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
    U: Push<Ahead<D>, (), R>,
{
    #[inline]
    fn push(&mut self, row: Update<D, (), R>, (out, future): &mut (Port<S>, Port<U>), cx: &mut Cx) {
        let Update { data, diff, .. } = row;
        let (time, now) = ((self.operator.extract)(&data), cx.now());
        if self.is_ahead(time, now) {
            future.push(Update { data: Ahead { row: data, time, now }, time: (), diff });
        } else {
            self.operator.course.hand_on(Update { data, time, diff }, out, cx, Port::push);
        }
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<()>, (out, future): &mut (Port<S>, Port<U>), _cx: &mut Cx) {
        if frontier.is_end() {
            self.operator.course.end();
            out.advance(Frontier::end());
            future.advance(Frontier::end());
        }
    }
}

impl<D, R, X, F, W, S, E, U> Input<0, D, (), R, (Port<S>, Port<E>, Port<U>)>
    for AheadAtMost<TryAssignTime<D, R, F, W>>
where
    F: FnMut(&D) -> X,
    X: Extracted<D>,
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
    E: Push<Failed<D, X::Error>, (), R>,
    U: Push<Ahead<D>, (), R>,
{
    #[inline]
    fn push(
        &mut self,
        row: Update<D, (), R>,
        (out, err, future): &mut (Port<S>, Port<E>, Port<U>),
        cx: &mut Cx,
    ) {
        let Update { data, diff, .. } = row;
        let now = cx.now();
        match (self.operator.extract)(&data).into_time() {
            Ok(time) if self.is_ahead(time, now) => {
                future.push(Update { data: Ahead { row: data, time, now }, time: (), diff });
            }
            Ok(time) => self.operator.course.hand_on(Update { data, time, diff }, out, cx, Port::push),
            Err(error) => err.push(Update { data: Failed { input: data, error }, time: (), diff }),
        }
    }

    #[inline]
    fn advance(
        &mut self,
        frontier: Frontier<()>,
        (out, err, future): &mut (Port<S>, Port<E>, Port<U>),
        _cx: &mut Cx,
    ) {
        if frontier.is_end() {
            self.operator.course.end();
            out.advance(Frontier::end());
            err.advance(Frontier::end());
            future.advance(Frontier::end());
        }
    }
}
