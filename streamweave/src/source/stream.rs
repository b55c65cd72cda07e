//! Rows from a `futures::Stream`.

use std::pin::Pin;
use std::task::Poll;

use futures::Stream;

use crate::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch, State, Storable};

use super::rows::{ROWS, Rows};

/// Emits what a stream gives, as soon as it gives it.
///
/// Up to 1,024 rows are taken ahead of what is emitted.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = from_stream(futures::stream::iter(["warp", "weft"]));
///     words -> map(str::len) -> lengths;
///     lengths = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.lengths, [4, 4]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from_stream<S: Stream>(stream: S) -> Node<FromStream<S>, OnlyOut<S::Item, (), ()>> {
    Node::new(FromStream { stream: Box::pin(stream), rows: Rows::none() }, OnlyOut::new())
}

/// See [`from_stream`].
#[derive(Debug)]
pub struct FromStream<S: Stream> {
    stream: Pin<Box<S>>,
    rows: Rows<S::Item>,
}

impl<S: Stream> Operator for FromStream<S> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        while !self.rows.ended && self.rows.ready.len() < ROWS {
            match self.stream.as_mut().poll_next(turn.context()) {
                Poll::Ready(Some(data)) => self.rows.ready.push_back(data),
                Poll::Ready(None) => self.rows.ended = true,
                Poll::Pending if self.rows.ready.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn taken_ahead(&mut self) -> u64 {
        self.rows.ready.len() as u64
    }

    fn finish(&mut self) {}
}

impl<S: Stream> Durable for FromStream<S>
where
    S::Item: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.rows.fields(fields)
    }
}

impl<I: Stream, S: Push<I::Item, (), ()>> Resume<(Port<S>,)> for FromStream<I> {
    #[inline]
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        self.rows.emit(out, cx)
    }
}
