//! Rows from a channel.

use std::task::Poll;

use tokio::sync::mpsc::Receiver;

use crate::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch, State, Storable};

use super::rows::{ROWS, Rows};

/// Emits what is sent into a tokio channel; ends when every sender is dropped.
///
/// Up to 1,024 rows are taken ahead of what is emitted.
///
/// A graph that drains closes the channel, so that the next `send` fails, and emits all that was
/// sent before.
///
/// In a graph that is `#![durable]` what was taken and not emitted yet is saved; rows that were taken after the last checkpoint are lost in a
/// crash, for a channel does not give them again.
pub fn from_channel<D>(receiver: Receiver<D>) -> Node<FromChannel<D>, OnlyOut<D, (), ()>> {
    Node::new(FromChannel { receiver, received: Vec::new(), rows: Rows::none() }, OnlyOut::new())
}

/// See [`from_channel`].
#[derive(Debug)]
pub struct FromChannel<D> {
    receiver: Receiver<D>,
    received: Vec<D>,
    rows: Rows<D>,
}

impl<D> Operator for FromChannel<D> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if self.rows.ended || !self.rows.ready.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.receiver.poll_recv_many(turn.context(), &mut self.received, ROWS).map(|received| {
            self.rows.ended = received == 0;
            self.rows.ready.extend(self.received.drain(..));
            Ok(())
        })
    }

    fn taken_ahead(&mut self) -> u64 {
        self.rows.ready.len() as u64
    }

    fn finish(&mut self) {}
}

impl<D: Storable> Durable for FromChannel<D> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.rows.fields(fields)
    }
}

impl<D, S: Push<D, (), ()>> Resume<(Port<S>,)> for FromChannel<D> {
    #[inline]
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        if cx.stopping() {
            self.receiver.close();
            self.rows.ready.extend(std::iter::from_fn(|| self.receiver.try_recv().ok()));
        }
        self.rows.emit(out, cx)
    }
}
