//! Where a stream gets its event time.

use std::convert::Infallible;

use crate::envelope::{Failed, Update};
use crate::operator::{Cx, Input, Node, Operator, Promise, View, passive};
use crate::port::{Edge, OnlyOut, OutErr, Port, Ports, Push};
use crate::time::{EventTime, Frontier, Watermark};

/// Reads the time of each row from its data; `watermark` says how far the stream has come.
///
/// The extractor returns an [`EventTime`], or an `Option` or a `Result` of one: then rows without
/// a time go to the port `err`, together with the reason, and do not move the frontier (rule
/// A12). The frontier moves directly after the row that advances it, never with a batch.
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
) -> F::Node<W::Node<Node<X::Operator<F, W>, X::Ports<R>>>>
where
    F: View<D, X>,
    X: Extracted<D>,
    W: Promise<D>,
{
    F::node(W::node(Node::new(X::operator(extract, watermark), X::ports())))
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
    type Operator<F, W>: Operator;
    /// The ports of the node.
    type Ports<R>: Ports;

    /// The operator.
    fn operator<F, W>(extract: F, watermark: W) -> Self::Operator<F, W>;

    /// The witnesses of the ports.
    fn ports<R>() -> Self::Ports<R>;

    /// The time, or why there is none.
    fn into_time(self) -> Result<EventTime, Self::Error>;
}

impl<D> Extracted<D> for EventTime {
    type Error = Infallible;
    type Operator<F, W> = AssignTime<F, W>;
    type Ports<R> = OnlyOut<D, EventTime, R>;

    fn operator<F, W>(extract: F, watermark: W) -> AssignTime<F, W> {
        AssignTime { extract, watermark }
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
    type Operator<F, W> = TryAssignTime<F, W>;
    type Ports<R> = OutErr<D, EventTime, Failed<D, MissingTime>, (), R>;

    fn operator<F, W>(extract: F, watermark: W) -> TryAssignTime<F, W> {
        TryAssignTime { extract, watermark }
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
    type Operator<F, W> = TryAssignTime<F, W>;
    type Ports<R> = OutErr<D, EventTime, Failed<D, E>, (), R>;

    fn operator<F, W>(extract: F, watermark: W) -> TryAssignTime<F, W> {
        TryAssignTime { extract, watermark }
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
pub struct AssignTime<F, W> {
    extract: F,
    watermark: W,
}

/// See [`event_time`]; a row without a time goes to the port `err`.
#[derive(Clone, Debug)]
pub struct TryAssignTime<F, W> {
    extract: F,
    watermark: W,
}

passive!(AssignTime<F, W>, Passed);
passive!(TryAssignTime<F, W>, PassedOrFiltered);

impl<D, R, F, W, S> Input<0, D, (), R, (Port<S>,)> for AssignTime<F, W>
where
    F: FnMut(&D) -> EventTime,
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, (), R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data, diff, .. } = row;
        let time = (self.extract)(&data);
        let frontier = self.watermark.observe(&data, time);
        out.pass(Update { data, time, diff });
        if let Some(time) = frontier {
            out.advance(Frontier::at(time));
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            out.advance(Frontier::end());
        }
    }
}

impl<D, R, X, F, W, S, E> Input<0, D, (), R, (Port<S>, Port<E>)> for TryAssignTime<F, W>
where
    F: FnMut(&D) -> X,
    X: Extracted<D>,
    W: Watermark<D>,
    S: Push<D, EventTime, R>,
    E: Push<Failed<D, X::Error>, (), R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, (), R>, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        let Update { data, diff, .. } = row;
        match (self.extract)(&data).into_time() {
            Ok(time) => {
                let frontier = self.watermark.observe(&data, time);
                out.push(Update { data, time, diff });
                if let Some(time) = frontier {
                    out.advance(Frontier::at(time));
                }
            }
            Err(error) => err.push(Update { data: Failed { input: data, error }, time: (), diff }),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<()>, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        if frontier.is_end() {
            out.advance(Frontier::end());
            err.advance(Frontier::end());
        }
    }
}
