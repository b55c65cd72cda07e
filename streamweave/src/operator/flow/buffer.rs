//! Rows that wait between two parts of a graph, so that the first need not wait for the second.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::task::Poll;

use crate::envelope::{Message, Update};
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Progress, Resume, Turn, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::Storable;
use crate::time::{Frontier, Timestamp};

/// What becomes of a row for which an edge has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It waits, and so does its source.
    Block,
    /// It is dropped.
    DropNewest,
    /// The row that has waited longest is dropped.
    DropOldest,
    /// All that waits is dropped: only the newest row counts.
    Conflate,
}

/// What `#[cap(rows, overflow)]` makes of an edge: up to `rows` rows wait in it, and what stands before it
/// goes on while what stands behind is slow (rule J2).
///
/// Rows that are dropped are counted as filtered. A frontier waits in its place among the rows.
pub fn buffer<D, T: Timestamp, R>(
    _input: Edge<D, T, R>,
    rows: usize,
    overflow: Overflow,
) -> Node<Buffer<D, T, R>, OnlyOut<D, T, R>> {
    let buffer = Buffer { waiting: VecDeque::new(), rows: 0, capacity: rows, overflow, is_open: false };
    Node::new(buffer, OnlyOut::new())
}

/// See [`buffer`].
#[derive(Debug)]
pub struct Buffer<D, T: Timestamp, R> {
    waiting: VecDeque<Message<D, T, R>>,
    /// How many of them are rows.
    rows: usize,
    capacity: usize,
    overflow: Overflow,
    /// Whether there is room behind.
    is_open: bool,
}

impl<D, T: Timestamp, R> Buffer<D, T, R> {
    /// Makes room by dropping what has waited longest.
    fn drop_oldest(&mut self, cx: &mut Cx) {
        let oldest = self.waiting.iter().position(|message| matches!(message, Message::Row(_)));
        if let Some(oldest) = oldest {
            self.waiting.remove(oldest);
            self.rows -= 1;
            cx.filtered();
            // Of frontiers with no row between them the last is enough; there may be no end of them.
            let frontier = |at: usize| matches!(self.waiting.get(at), Some(Message::Frontier(_)));
            if oldest > 0 && frontier(oldest - 1) && frontier(oldest) {
                self.waiting.remove(oldest - 1);
            }
        }
    }
}

impl<D, T: Timestamp, R> Operator for Buffer<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const ACTIVE: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.capacity == 0 {
            return Err("expected room for at least one row in `#[cap(..)]`, found 0".into());
        }
        Ok(())
    }

    fn ready(&mut self, _port: usize) -> bool {
        self.overflow != Overflow::Block || self.rows < self.capacity
    }

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if self.waiting.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn opened(&mut self) {
        self.is_open = true;
    }

    fn idle(&mut self) -> bool {
        self.waiting.is_empty()
    }

    fn waits_for(&mut self) -> Option<Cow<'static, str>> {
        (self.rows > 0).then(|| format!("room for {} rows", self.rows).into())
    }

    fn finish(&mut self) {}
}

durable!(
    Buffer<D, T, R> where { D: Storable, T: Timestamp + Storable, R: Storable } keeps { waiting, rows }
);

impl<D, T: Timestamp, R, S: Push<D, T, R>> Resume<(Port<S>,)> for Buffer<D, T, R> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        // Woken for the sake of another node: there may be no room.
        if !std::mem::take(&mut self.is_open) {
            return Progress::More;
        }
        let mut budget = cx.budget();
        while budget > 0 {
            match self.waiting.pop_front() {
                Some(Message::Row(row)) => {
                    self.rows -= 1;
                    budget -= 1;
                    cx.passed();
                    out.push(row);
                }
                Some(Message::Frontier(frontier)) => out.advance(frontier),
                None => break,
            }
        }
        Progress::More
    }
}

impl<D, T: Timestamp, R, S: Push<D, T, R>> Input<0, D, T, R, (Port<S>,)> for Buffer<D, T, R> {
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut (Port<S>,), cx: &mut Cx) {
        if self.rows >= self.capacity {
            match self.overflow {
                // The rest of a batch finds room: its source is held from now on.
                Overflow::Block => {}
                Overflow::DropNewest => return cx.filtered(),
                Overflow::DropOldest => self.drop_oldest(cx),
                Overflow::Conflate => (0..self.rows).for_each(|_| self.drop_oldest(cx)),
            }
        } else if self.overflow == Overflow::Conflate {
            (0..self.rows).for_each(|_| self.drop_oldest(cx));
        }
        self.rows += 1;
        self.waiting.push_back(Message::Row(row));
    }

    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        if let Some(Message::Frontier(last)) = self.waiting.back_mut() {
            *last = frontier;
        } else {
            self.waiting.push_back(Message::Frontier(frontier));
        }
    }
}
