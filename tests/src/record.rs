//! A sink that shows the frontiers, too: an operator of a user's own.

use std::cell::RefCell;
use std::rc::Rc;

use streamweave::envelope::Update;
use streamweave::operator::{Cx, Input, Node, Operator, Outcome, Resume};
use streamweave::port::{Edge, NoPorts};
use streamweave::time::{Frontier, Timestamp, TotalOrder};

/// One message of a stream, as a node receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<D, T> {
    /// A row and its time.
    Row(D, T),
    /// Nothing before this time is to come.
    Frontier(T),
    /// Nothing before this time is to come, and nothing is expected for now.
    Idle(T),
    /// Nothing is to come.
    End,
}

/// What was seen so far; to be looked at while the graph runs.
pub type Log<D, T> = Rc<RefCell<Vec<Seen<D, T>>>>;

/// Takes what a log holds out of it.
pub fn take<D, T>(log: &Log<D, T>) -> Vec<Seen<D, T>> {
    log.borrow_mut().drain(..).collect()
}

/// Writes every row and every frontier into a log, in the order in which they come.
pub fn record<D, T: Timestamp>(_input: Edge<D, T>, log: &Log<D, T>) -> Node<Record<D, T>, NoPorts> {
    Node::new(Record(Rc::clone(log)), NoPorts)
}

/// See [`record`].
#[derive(Clone, Debug)]
pub struct Record<D, T>(Log<D, T>);

impl<D, T> Operator for Record<D, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

impl<D, T, Outs> Resume<Outs> for Record<D, T> {}

impl<D, T: TotalOrder, Outs> Input<0, D, T, (), Outs> for Record<D, T> {
    fn push(&mut self, row: Update<D, T>, _outs: &mut Outs, _cx: &mut Cx) {
        self.0.borrow_mut().push(Seen::Row(row.data, row.time));
    }

    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {
        let seen = match frontier.time() {
            None => Seen::End,
            Some(time) if frontier.is_idle() => Seen::Idle(time.clone()),
            Some(time) => Seen::Frontier(time.clone()),
        };
        self.0.borrow_mut().push(seen);
    }
}

/// What was seen of a stream of changes so far.
pub type ChangeLog<D, T, R> = Rc<RefCell<Vec<Seen<Update<D, T, R>, T>>>>;

/// As [`record`], for any diff: the envelope is written down.
///
/// # Panics
///
/// The node panics where a row is behind the frontier, or the frontier regresses.
pub fn record_changes<D, T: Timestamp, R>(
    _input: Edge<D, T, R>,
    log: &ChangeLog<D, T, R>,
) -> Node<RecordChanges<D, T, R>, NoPorts> {
    Node::new(RecordChanges { log: Rc::clone(log), frontier: Frontier::start() }, NoPorts)
}

/// See [`record_changes`].
#[derive(Clone, Debug)]
pub struct RecordChanges<D, T: Timestamp, R> {
    log: ChangeLog<D, T, R>,
    frontier: Frontier<T>,
}

impl<D, T: Timestamp, R> Operator for RecordChanges<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

impl<D, T: Timestamp, R, Outs> Resume<Outs> for RecordChanges<D, T, R> {}

impl<D, T: TotalOrder, R, Outs> Input<0, D, T, R, Outs> for RecordChanges<D, T, R> {
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut Outs, _cx: &mut Cx) {
        assert!(!self.frontier.closes(&row.time), "{:?} is behind {:?}", row.time, self.frontier);
        let time = row.time.clone();
        self.log.borrow_mut().push(Seen::Row(row, time));
    }

    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {
        assert!(frontier.reaches(&self.frontier), "{frontier:?} is before {:?}", self.frontier);
        let seen = frontier.time().map_or(Seen::End, |time| Seen::Frontier(time.clone()));
        self.frontier = frontier;
        self.log.borrow_mut().push(seen);
    }
}
