//! The ports of a named graph, seen from inside: what comes in, and what goes out.
//!
//! Both stand at a queue, which is not the operator's own: whoever runs the graph hands it in with each command. So a graph
//! is the same whether it is a node of another one, driven by hand, or run as a task.

use std::collections::VecDeque;
use std::task::Poll;

use super::{Cause, Cx, Input, Node, Operator, Outcome, Progress, Resume, Turn, durable};
use crate::envelope::{Message, Update};
use crate::port::{Edge, NoPorts, OnlyOut, Port, Push};
use crate::time::{Frontier, Timestamp};

/// What waits at a port of a named graph.
#[derive(Clone, Debug)]
pub struct Queue<D, T: Timestamp = (), R = ()> {
    messages: VecDeque<Message<D, T, R>>,
    /// How many were there when the last batch had been run.
    settled: usize,
}

/// An empty queue keeps room for so many messages.
const ROOMY: usize = 16 * 1024;

impl<D, T: Timestamp, R> Default for Queue<D, T, R> {
    fn default() -> Self {
        Queue { messages: VecDeque::new(), settled: 0 }
    }
}

impl<D, T: Timestamp, R> Queue<D, T, R> {
    /// Whether nothing waits.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Puts a message at the end.
    #[inline(always)]
    pub fn push(&mut self, message: Message<D, T, R>) {
        self.messages.push_back(message);
    }

    /// Takes the first message.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Message<D, T, R>> {
        let message = self.messages.pop_front();
        if message.is_none() && self.messages.capacity() > ROOMY {
            self.give_back();
        }
        message
    }

    /// Gives back the memory that one large batch needed.
    #[cold]
    fn give_back(&mut self) {
        self.messages = VecDeque::new();
    }

    /// Puts a message back.
    pub(crate) fn unpop(&mut self, message: Message<D, T, R>) {
        self.messages.push_front(message);
    }

    /// What is there now stays, whatever becomes of the next batch.
    pub(crate) fn settle(&mut self) {
        self.settled = self.messages.len();
    }

    /// Forgets what has come since; gives how many rows.
    pub(crate) fn abandon(&mut self) -> u64 {
        let gone = self.messages.drain(self.settled.min(self.messages.len())..);
        gone.filter(|message| matches!(message, Message::Row(_))).count() as u64
    }
}

/// An input port of a named graph, inside: a source.
#[derive(Clone, Copy, Debug)]
pub struct Entry;

/// The source at an input port.
pub fn entry<D, T: Timestamp, R>() -> Node<Entry, OnlyOut<D, T, R>> {
    Node::new(Entry, OnlyOut::new())
}

impl Operator for Entry {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        // Whether anything waits is asked of the queue.
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {}
}

durable!(Entry keeps {});

/// [`Entry`] at its queue.
#[derive(Debug)]
pub struct EntryAt<'q, D, T: Timestamp, R>(pub &'q mut Queue<D, T, R>);

impl<D, T: Timestamp, R> Operator for EntryAt<'_, D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn finish(&mut self) {}
}

impl<D, T: Timestamp, R, S: Push<D, T, R>> Resume<(Port<S>,)> for EntryAt<'_, D, T, R> {
    #[inline(always)]
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        let budget = if cx.stopping() { usize::MAX } else { cx.budget() };
        for _ in 0..budget {
            match self.0.pop() {
                Some(Message::Row(row)) => out.push(row),
                Some(Message::Frontier(frontier)) => {
                    let ended = frontier.is_end();
                    out.advance(frontier);
                    if ended {
                        return Progress::Ended;
                    }
                }
                None => break,
            }
        }
        if cx.stopping() {
            out.advance(Frontier::end());
            return Progress::Ended;
        }
        Progress::More
    }
}

/// An output port of a named graph, inside: a sink.
#[derive(Clone, Copy, Debug)]
pub struct Exit;

/// The sink at an output port.
pub fn exit<D, T: Timestamp, R>(_input: Edge<D, T, R>) -> Node<Exit, NoPorts> {
    Node::new(Exit, NoPorts)
}

impl Operator for Exit {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn is_gone(&mut self) -> bool {
        // Whether anybody looks is known to who runs the graph.
        true
    }

    fn finish(&mut self) {}
}

durable!(Exit keeps {});

/// [`Exit`] at its queue.
#[derive(Debug)]
pub struct ExitAt<'q, D, T: Timestamp, R>(pub &'q mut Queue<D, T, R>);

impl<D, T: Timestamp, R> Operator for ExitAt<'_, D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

impl<D, T: Timestamp, R, Outs> Resume<Outs> for ExitAt<'_, D, T, R> {}

impl<D, T: Timestamp, R, Outs> Input<0, D, T, R, Outs> for ExitAt<'_, D, T, R> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut Outs, _cx: &mut Cx) {
        self.0.push(Message::Row(row));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {
        self.0.push(Message::Frontier(frontier));
    }
}
