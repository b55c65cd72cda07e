//! Where a stream gets its event time.

mod course;
mod future;

use std::convert::Infallible;
use std::task::Poll;

use crate::envelope::{Failed, Update};
use crate::operator::{
    Cause, Cx, Durable, Input, Node, Operator, Outcome, Progress, Promise, Resume, Turn, View,
};
use crate::port::{Edge, OnlyOut, OutErr, Port, Ports, Push};
use crate::state::{Fields, Mismatch, State};
use crate::time::{EventTime, Frontier, Watermark};
use course::Course;

pub use future::{Ahead, AheadAtMost};

/// Reads the time of each row from its data; `watermark` says how far the stream has come.
///
/// The extractor returns an [`EventTime`], or an `Option` or a `Result` of one: then rows without
/// a time go to the port `err`, together with the reason, and do not move the frontier (rule
/// A12). The frontier moves directly after the row that advances it, never with a batch.
///
/// How far it moves is said by a strategy: [`bounded`](crate::time::bounded()),
/// [`ascending`](crate::time::ascending), [`punctuated`](crate::time::punctuated()),
/// [`partitioned`](crate::time::partitioned()), or one of your own; they are combined by the methods of
/// [`Strategy`](crate::time::Strategy). Where it makes the stream idle the clock is looked at, and nowhere
/// else. A row whose time is ahead of the clock would carry the frontier with it:
/// [`ahead_at_most`](Node::ahead_at_most) keeps such rows apart. Where rows carry no time
/// [`arrival_time`](crate::operator::arrival_time) stamps them with the clock's.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     readings = from_iter([(0, 20.5), (65, 21.0), (3_700, 19.0)]);
///     hourly   = tumbling(1.hours()).aggregate(Count::new);
///     readings -> event_time(|&(secs, _)| EventTime::from_secs(secs), bounded(1.minutes()))
///         -> key_by(|_| "cellar") -> hourly -> map(|pane| pane.value.value) -> counts;
///     hourly.late -> discard;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.counts, [2, 1]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn event_time<D, R, X, F, W>(
    _input: Edge<D, (), R>,
    extract: F,
    watermark: W,
) -> F::Node<W::Node<Node<X::Operator<R, F, W>, X::Ports<R>>>>
where
    F: View<D, X>,
    X: Extracted<D>,
    W: Promise<D>,
{
    F::node(W::node(Node { operator: X::operator(extract, watermark), ports: X::ports() }))
}

/// Why a row has no time, where the extractor returned `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row has no event time")]
pub struct MissingTime;

/// What an extractor of event time may return.
///
/// The operator is named by this trait alone: of another type rustc says that it is none of the
/// three, and has nothing left that it could say something else about.
#[diagnostic::on_unimplemented(
    message = "event time cannot be read from `{Self}`",
    label = "expected `EventTime`, `Option<EventTime>` or `Result<EventTime, E>`"
)]
pub trait Extracted<D>: Sized {
    /// Why there is no time.
    type Error;
    /// The operator, around an extractor and a watermark.
    type Operator<R, F, W>;
    /// The ports of the node.
    type Ports<R>: Ports;

    /// The operator.
    fn operator<R, F, W>(extract: F, watermark: W) -> Self::Operator<R, F, W>;

    /// The witnesses of the ports.
    fn ports<R>() -> Self::Ports<R>;

    /// The time, or why there is none.
    fn into_time(self) -> Result<EventTime, Self::Error>;
}

impl<D> Extracted<D> for EventTime {
    type Error = Infallible;
    type Operator<R, F, W> = AssignTime<D, R, F, W>;
    type Ports<R> = OnlyOut<D, EventTime, R>;

    fn operator<R, F, W>(extract: F, watermark: W) -> AssignTime<D, R, F, W> {
        AssignTime { extract, course: Course::new(watermark) }
    }

    fn ports<R>() -> Self::Ports<R> {
        OnlyOut::new()
    }

    #[inline(always)]
    fn into_time(self) -> Result<EventTime, Infallible> {
        Ok(self)
    }
}

impl<D> Extracted<D> for Option<EventTime> {
    type Error = MissingTime;
    type Operator<R, F, W> = TryAssignTime<D, R, F, W>;
    type Ports<R> = OutErr<D, EventTime, Failed<D, MissingTime>, (), R>;

    fn operator<R, F, W>(extract: F, watermark: W) -> TryAssignTime<D, R, F, W> {
        TryAssignTime { extract, course: Course::new(watermark) }
    }

    fn ports<R>() -> Self::Ports<R> {
        OutErr::new()
    }

    #[inline(always)]
    fn into_time(self) -> Result<EventTime, MissingTime> {
        self.ok_or(MissingTime)
    }
}

impl<D, E> Extracted<D> for Result<EventTime, E> {
    type Error = E;
    type Operator<R, F, W> = TryAssignTime<D, R, F, W>;
    type Ports<R> = OutErr<D, EventTime, Failed<D, E>, (), R>;

    fn operator<R, F, W>(extract: F, watermark: W) -> TryAssignTime<D, R, F, W> {
        TryAssignTime { extract, course: Course::new(watermark) }
    }

    fn ports<R>() -> Self::Ports<R> {
        OutErr::new()
    }

    #[inline(always)]
    fn into_time(self) -> Result<EventTime, E> {
        self
    }
}

/// See [`event_time`]; every row has a time.
#[derive(Clone, Debug)]
pub struct AssignTime<D, R, F, W> {
    extract: F,
    course: Course<D, R, W>,
}

/// See [`event_time`]; a row without a time goes to the port `err`.
#[derive(Clone, Debug)]
pub struct TryAssignTime<D, R, F, W> {
    extract: F,
    course: Course<D, R, W>,
}

/// Work of its own there is only where the watermark uses the clock: silence is told to it.
macro_rules! operator {
    ($name:ident, $outcome:ident) => {
        impl<D, R, F, W: Watermark<D>> Operator for $name<D, R, F, W> {
            type Yield = ();
            const OUTCOME: Outcome = Outcome::$outcome;
            const ACTIVE: bool = W::USES_CLOCK;
            const HEEDS_SILENCE: bool = W::USES_CLOCK;
            const USES_CLOCK: bool = W::USES_CLOCK;

            fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
                self.course.poll(turn).map(Ok)
            }

            fn opened(&mut self) {
                self.course.opened();
            }

            fn finish(&mut self) {}
        }

        impl<D, R, F, W: Watermark<D> + State> Durable for $name<D, R, F, W> {
            fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
                self.course.fields(fields)
            }
        }
    };
}

operator!(AssignTime, Passed);
operator!(TryAssignTime, PassedOrFiltered);

impl<D, R, F, W, S> Resume<(Port<S>,)> for AssignTime<D, R, F, W>
where
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
{
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        self.course.go_on(out, cx)
    }
}

impl<D, R, F, W, S, E> Resume<(Port<S>, Port<E>)> for TryAssignTime<D, R, F, W>
where
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
{
    fn resume(&mut self, (out, _err): &mut (Port<S>, Port<E>), cx: &mut Cx) -> Progress {
        self.course.go_on(out, cx)
    }
}

impl<D, R, F, W, S> Input<0, D, (), R, (Port<S>,)> for AssignTime<D, R, F, W>
where
    F: FnMut(&D) -> EventTime,
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, (), R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data, diff, .. } = row;
        let time = (self.extract)(&data);
        self.course.hand_on(Update { data, time, diff }, out, cx, Port::pass);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            self.course.end();
            out.advance(Frontier::end());
        }
    }
}

impl<D, R, X, F, W, S, E> Input<0, D, (), R, (Port<S>, Port<E>)> for TryAssignTime<D, R, F, W>
where
    F: FnMut(&D) -> X,
    X: Extracted<D>,
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
    E: Push<Failed<D, X::Error>, (), R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, (), R>, (out, err): &mut (Port<S>, Port<E>), cx: &mut Cx) {
        let Update { data, diff, .. } = row;
        match (self.extract)(&data).into_time() {
            Ok(time) => self.course.hand_on(Update { data, time, diff }, out, cx, Port::push),
            Err(error) => err.push(Update { data: Failed { input: data, error }, time: (), diff }),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<()>, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        if frontier.is_end() {
            self.course.end();
            out.advance(Frontier::end());
            err.advance(Frontier::end());
        }
    }
}
