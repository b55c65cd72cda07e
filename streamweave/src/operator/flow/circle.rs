//! A circle that is no fixed point: what comes to the end of an arrow `#[feedback(..)]` goes round again (rule G12).
//!
//! The arrow is two nodes with a queue between them. The [`Return`] is where it starts: it puts rows into the queue, or drops
//! some. The [`Entrance`] stands before the node where it ends: there what goes round and what comes in meet.
//!
//! # Contract
//!
//! 1. What goes round goes before what comes in: a row is let in when none waits to go round.
//! 2. Where no node of the circle has work of its own, a row goes round, with all that becomes of it, before the next comes in: what
//!    comes of it does not depend on where a batch was cut (rule Z1).
//! 3. Where some have (calls under way), one row is let in at a time, whenever the nodes behind are
//!    [ready](crate::operator::Operator::ready). So there are never more rows in the circle than the nodes have under way and one, but
//!    for those that a row multiplies into.
//! 4. The frontier holds at what is in the circle. To know what is, a *marker* follows the rows from node to node, between
//!    two batches: when it has come past the last, all that was let out before it set out has left the circle, or waits to
//!    go round, or was let out since. The marker is a number at one node at a time, see [`Operator::has_passed`]; where
//!    several circles share nodes there is none, and they are waited for until none has anything under way.
//! 5. The end is a frontier like others: handed on when nothing is left in the circle, and nothing more comes into it elsewhere. What
//!    comes to the end of the arrow afterwards, because a node gives up rows at its end, is late.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::Overflow;
use crate::envelope::{Message, Update};
use crate::operator::{
    Cause, Cx, Durable, Input, Mark, Node, Operator, Outcome, Placed, Progress, Resume, Turn, durable,
};
use crate::port::{Edge, NoPorts, Nth, OnlyOut, Origin, Port, Push};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Reached, Timestamp};

/// So many rows go round or come in before other tasks of the thread, and what the handle asks, have their turn.
const ROWS_PER_TURN: usize = 1024;

/// The queue between the two ends of an arrow that goes back.
#[derive(Debug)]
pub struct Circle<D, T, R>(Arc<Mutex<Waiting<D, T, R>>>);

#[derive(Debug)]
struct Waiting<D, T, R> {
    rows: VecDeque<Update<D, T, R>>,
    capacity: usize,
    overflow: Overflow,
    /// Whether the end has been handed on: nothing goes round any more.
    has_ended: bool,
}

impl<D, T, R> Circle<D, T, R> {
    /// So many rows may wait to go round; of more this becomes.
    pub fn new(capacity: usize, overflow: Overflow) -> Self {
        let waiting = Waiting { rows: VecDeque::new(), capacity, overflow, has_ended: false };
        Circle(Arc::new(Mutex::new(waiting)))
    }

    /// The queue: both ends are nodes of one graph, so nobody is ever waited for.
    fn waiting(&self) -> MutexGuard<'_, Waiting<D, T, R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D, T, R> Clone for Circle<D, T, R> {
    fn clone(&self) -> Self {
        Circle(Arc::clone(&self.0))
    }
}

/// The node at which a circle is entered.
pub fn entrance<D, T: Timestamp, R>(
    _edge: Edge<D, T, R>,
    circle: &Circle<D, T, R>,
) -> Node<Entrance<D, T, R>, OnlyOut<D, T, R>> {
    let entrance = Entrance {
        circle: circle.clone(),
        arrived: VecDeque::new(),
        is_paced: false,
        is_open: false,
        at: Frontier::start(),
        pending: Frontier::start(),
        since: Frontier::end(),
        marker: None,
        due: None,
        is_fed_elsewhere: false,
    };
    Node::new(entrance, OnlyOut::new())
}

/// The node at which rows are sent back to where a circle is entered.
pub fn send_back<D, T: Timestamp, R>(
    _edge: Edge<D, T, R>,
    circle: &Circle<D, T, R>,
) -> Node<Return<D, T, R>, NoPorts> {
    Node::new(Return(circle.clone()), NoPorts)
}

/// Whether an operator may have rows under way between two batches.
pub fn is_active<O: Operator>(_node: &Placed<O>) -> bool {
    O::ACTIVE
}

/// Whether the stream out of a port of a node has ended.
pub fn has_ended<O, D, T, R, const N: usize>(node: &Placed<O>, _origin: Origin<Nth<N>, D, T, R>) -> bool
where
    O: Operator,
{
    node.counters().emitted[N].reached == Reached::End
}

/// See [`entrance`].
#[derive(Debug)]
pub struct Entrance<D, T: Timestamp, R> {
    circle: Circle<D, T, R>,
    /// What has come in and was not let out.
    arrived: VecDeque<Message<D, T, R>>,
    /// Whether rows are let in one at a time.
    is_paced: bool,
    /// Whether there is room behind.
    is_open: bool,
    /// The frontier that has been handed on, and how far what came in has come.
    at: Frontier<T>,
    pending: Frontier<T>,
    /// The least time of what was let out since the marker set out.
    since: Frontier<T>,
    /// Where the marker is.
    marker: Option<Marker>,
    /// The frontier that is to be handed on.
    due: Option<Frontier<T>>,
    /// Whether the end waits for what comes into the circle elsewhere.
    is_fed_elsewhere: bool,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Marker {
    /// How many nodes of the circle it has come past.
    passed: usize,
    /// Where it is in the next.
    mark: Mark,
}

impl<D, T: Timestamp, R> Entrance<D, T, R> {
    /// Learns whether some nodes of the circle have work of their own.
    pub fn pace(&mut self, is_paced: bool) {
        self.is_paced = is_paced;
    }

    /// Learns whether there is room behind, and whether nothing more comes into the circle elsewhere; tells whether a frontier waits
    /// for what is in the circle. Then a marker is on its way.
    pub fn look(&mut self, is_open: bool, is_fed_elsewhere: bool) -> bool {
        self.is_open = is_open;
        self.is_fed_elsewhere = is_fed_elsewhere && self.pending.is_end();
        if self.due.is_some() || self.is_fed_elsewhere || !self.pending.is_beyond(&self.at) {
            return false;
        }
        if self.marker.is_none() {
            self.marker = Some(Marker::default());
            self.since = Frontier::end();
        }
        true
    }

    /// Whether the marker has come past node number `number` of the circle.
    pub fn is_past(&mut self, number: usize, operator: &mut impl Operator) -> bool {
        let Some(marker) = &mut self.marker else { return false };
        if marker.passed == number && operator.has_passed(&mut marker.mark) {
            *marker = Marker { passed: number + 1, mark: None };
        }
        marker.passed > number
    }

    /// Learns that nothing is under way in the circle; that is so.
    pub fn is_quiet(&mut self) -> bool {
        self.since = Frontier::end();
        true
    }

    /// Whether no row waits here.
    pub fn is_empty(&self) -> bool {
        self.arrived.is_empty() && self.circle.waiting().rows.is_empty()
    }

    /// Learns that the marker has come round.
    pub fn came_round(&mut self) {
        self.marker = None;
        let held = self.pending.meet(&self.since);
        let waiting = self.circle.waiting();
        let held = waiting.rows.iter().fold(held, |held, row| held.meet(&Frontier::at(row.time.clone())));
        self.due = held.is_beyond(&self.at).then_some(held);
    }

    fn advance_to<S: Push<D, T, R>>(&mut self, frontier: Frontier<T>, out: &mut Port<S>) {
        if frontier.is_end() {
            self.circle.waiting().has_ended = true;
        }
        self.at = frontier.clone();
        out.advance(frontier);
    }

    /// How far what comes in has come.
    fn learn<S: Push<D, T, R>>(&mut self, frontier: Frontier<T>, out: &mut Port<S>) {
        self.pending = frontier.clone();
        if !self.is_paced && !frontier.is_end() {
            // Nothing is in the circle.
            self.advance_to(frontier, out);
        } else if self.at.is_idle() && !frontier.is_idle() {
            // It is not idle any more, however far it has come.
            self.advance_to(self.at.clone().active(), out);
        }
    }

    /// Lets out what goes round, then what has come in.
    fn go_on<S: Push<D, T, R>>(&mut self, out: &mut Port<S>, cx: &mut Cx) {
        let mut rows = 0;
        while rows < ROWS_PER_TURN {
            let returned = self.circle.waiting().rows.pop_front();
            let row = match returned {
                Some(row) => row,
                // What was let out takes up the room behind.
                None if self.is_paced && rows > 0 => return,
                None => match self.arrived.pop_front() {
                    Some(Message::Row(row)) => {
                        cx.passed();
                        row
                    }
                    Some(Message::Frontier(frontier)) => {
                        self.learn(frontier, out);
                        continue;
                    }
                    None => return,
                },
            };
            rows += 1;
            if self.is_paced {
                self.since = self.since.meet(&Frontier::at(row.time.clone()));
            }
            out.push(row);
        }
    }

    fn arrive<S: Push<D, T, R>>(&mut self, message: Message<D, T, R>, out: &mut Port<S>, cx: &mut Cx) {
        self.arrived.push_back(message);
        if !self.is_paced {
            self.go_on(out, cx);
        }
    }
}

impl<D, T: Timestamp, R> Operator for Entrance<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const ACTIVE: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.circle.waiting().capacity == 0 {
            return Err("expected room for at least one row in `#[feedback(..)]`, found 0".into());
        }
        Ok(())
    }

    fn ready(&mut self, _port: usize) -> bool {
        self.is_empty()
    }

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        let is_ready = self.due.is_some() || self.is_open && !self.is_empty();
        if is_ready { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn waits_for(&mut self) -> Option<Cow<'static, str>> {
        let rows = self.circle.waiting().rows.len();
        if rows > 0 {
            return Some(format!("room for {rows} rows that go round").into());
        }
        self.pending.is_beyond(&self.at).then_some("what is in the circle".into())
    }

    fn idle(&mut self) -> bool {
        self.is_empty() && (self.is_fed_elsewhere || !self.pending.is_beyond(&self.at))
    }

    fn finish(&mut self) {}
}

/// What goes round is kept here, for both ends.
impl<D, T, R> Durable for Entrance<D, T, R>
where
    D: Storable,
    T: Timestamp + Storable,
    R: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        {
            let mut waiting = self.circle.waiting();
            fields.value("rows", &mut waiting.rows)?;
            fields.value("has_ended", &mut waiting.has_ended)?;
        }
        fields.value("arrived", &mut self.arrived)?;
        fields.value("at", &mut self.at)?;
        fields.value("pending", &mut self.pending)?;
        fields.value("since", &mut self.since)?;
        fields.optional("marker", &mut self.marker)?;
        fields.optional("due", &mut self.due)?;
        fields.value("is_fed_elsewhere", &mut self.is_fed_elsewhere)
    }
}

impl<D, T: Timestamp, R, S: Push<D, T, R>> Resume<(Port<S>,)> for Entrance<D, T, R> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        if let Some(due) = self.due.take() {
            self.advance_to(due, out);
        }
        // Woken for the sake of another node: there may be no room.
        if std::mem::take(&mut self.is_open) {
            self.go_on(out, cx);
        }
        Progress::More
    }
}

impl<D, T: Timestamp, R, S: Push<D, T, R>> Input<0, D, T, R, (Port<S>,)> for Entrance<D, T, R> {
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        self.arrive(Message::Row(row), out, cx);
    }

    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        self.arrive(Message::Frontier(frontier), out, cx);
    }
}

/// See [`send_back`].
#[derive(Debug)]
pub struct Return<D, T, R>(Circle<D, T, R>);

impl<D, T, R> Operator for Return<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const LEADS_NOWHERE: bool = true;

    fn finish(&mut self) {}
}

durable!(Return < D, T, R > keeps {});

impl<D, T, R, Outs> Resume<Outs> for Return<D, T, R> {}

impl<D, T: Timestamp, R, Outs> Input<0, D, T, R, Outs> for Return<D, T, R> {
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut Outs, cx: &mut Cx) {
        let mut waiting = self.0.waiting();
        if waiting.has_ended {
            return cx.late();
        }
        let is_full = waiting.rows.len() >= waiting.capacity;
        match waiting.overflow {
            // Who waited for room here would wait for itself; `graph!` does not let it be asked for.
            Overflow::Block | Overflow::DropNewest if is_full => return cx.filtered(),
            Overflow::DropOldest if is_full => _ = waiting.rows.pop_front(),
            Overflow::Conflate if !waiting.rows.is_empty() => waiting.rows.clear(),
            Overflow::Block | Overflow::DropNewest | Overflow::DropOldest | Overflow::Conflate => {
                waiting.rows.push_back(row);
                return cx.absorbed();
            }
        }
        // One was dropped in place of this one, which will be counted with those that go round.
        waiting.rows.push_back(row);
        cx.filtered();
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
