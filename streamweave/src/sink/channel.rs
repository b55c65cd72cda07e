//! Rows into a channel.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::mpsc::error::{SendError, TrySendError};
use tokio::sync::mpsc::{OwnedPermit, Sender};

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Flush, Input, Node, Operator, Outcome, Resume, Turn, durable};
use crate::port::{Edge, NoPorts};
use crate::time::{Frontier, Timestamp};

/// Sends every row into a tokio channel, and closes it at the end.
///
/// A full channel holds the whole graph back. Once the receiver is dropped rows are dropped, too;
/// where no other sink is left the graph drains.
///
/// A graph that is `#![durable]` sends rows again that it sent after the last checkpoint before a crash, or before it
/// ended because nobody received them any more.
pub fn to_channel<D: Send + 'static, T>(
    _input: Edge<D, T>,
    sender: Sender<D>,
) -> Node<ToChannel<D>, NoPorts> {
    Node::new(ToChannel { sender: Some(sender), waiting: VecDeque::new(), settled: 0, room: None }, NoPorts)
}

/// A place in the channel that is waited for; made only where the channel is full.
type Room<D> = Pin<Box<dyn Future<Output = Result<OwnedPermit<D>, SendError<()>>> + Send>>;

/// See [`to_channel`].
pub struct ToChannel<D> {
    /// `None` once the channel is closed, from either side.
    sender: Option<Sender<D>>,
    waiting: VecDeque<D>,
    /// How many of them were there when it was flushed last.
    settled: usize,
    room: Option<Room<D>>,
}

impl<D> fmt::Debug for ToChannel<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToChannel").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl<D: Send + 'static> ToChannel<D> {
    /// The receiver has gone: nobody waits for what comes.
    fn disconnect(&mut self) -> Poll<Result<(), Cause>> {
        *self = ToChannel { sender: None, waiting: VecDeque::new(), settled: 0, room: None };
        Poll::Ready(Ok(()))
    }

    /// Waits for a place and fills it; ready at once where none is waited for.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let Some(room) = &mut self.room else {
            return Poll::Ready(Ok(()));
        };
        let permit = std::task::ready!(room.as_mut().poll(context));
        self.room = None;
        if let Some(row) = self.waiting.pop_front() {
            permit?.send(row);
        }
        Poll::Ready(Ok(()))
    }
}

impl<D: Send + 'static> Operator for ToChannel<D> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        let flushed = self.poll_send(turn, flush);
        self.settled = self.waiting.len();
        flushed
    }

    fn abandon(&mut self) -> u64 {
        let rows = self.waiting.len() - self.settled;
        self.waiting.truncate(self.settled);
        rows as u64
    }

    fn is_gone(&mut self) -> bool {
        self.sender.is_none()
    }

    fn finish(&mut self) {}
}

impl<D: Send + 'static> ToChannel<D> {
    fn poll_send(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        loop {
            if std::task::ready!(self.poll_room(turn.context())).is_err() {
                return self.disconnect();
            }
            let Some(sender) = &self.sender else {
                self.waiting.clear();
                return Poll::Ready(Ok(()));
            };
            let Some(row) = self.waiting.pop_front() else {
                break;
            };
            match sender.try_send(row) {
                Ok(()) => {}
                Err(TrySendError::Full(row)) => {
                    self.waiting.push_front(row);
                    self.room = Some(Box::pin(sender.clone().reserve_owned()));
                }
                Err(TrySendError::Closed(_)) => return self.disconnect(),
            }
        }
        if flush == Flush::Close {
            self.sender = None;
        }
        Poll::Ready(Ok(()))
    }
}

// A checkpoint is cut when all has been sent.
durable!(ToChannel<D> keeps {});

impl<D: Send + 'static, Outs> Resume<Outs> for ToChannel<D> {}

impl<D: Send + 'static, T: Timestamp, Outs> Input<0, D, T, (), Outs> for ToChannel<D> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.waiting.push_back(row.data);
    }

    #[inline(always)]
    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
