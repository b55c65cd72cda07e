//! Sinks into the tables of a world: with transactions, and without.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::task::Poll;

use super::world::{PartOfWorld, World};
use crate::envelope::Update;
use crate::operator::{
    Cause, Commits, Cx, Durable, Flush, Input, Node, Operator, Outcome, Resume, Turn, durable,
};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, Timestamp};

/// Writes rows to a table in transactions, as a database with two-phase commit takes them: a transaction ends with each checkpoint, is prepared
/// before it is durable, and committed afterwards. After a restart those that the checkpoint knows are committed, others are undone.
///
/// Attempts fail now and then and are made again, by the world's [`Faults`](super::Faults); each is a step before its effect and one behind it.
pub fn transactions<D: Debug, T>(
    _input: Edge<D, T>,
    world: &World,
    table: &str,
) -> Node<Transactions<D>, NoPorts> {
    let (part, table) = (world.part(), table.to_owned());
    let sink = Transactions {
        part,
        table,
        taken: Vec::new(),
        flushed: 0,
        cut: VecDeque::new(),
        pending: VecDeque::new(),
        next: 0,
        is_open: false,
        rows: PhantomData,
    };
    Node::new(sink, NoPorts)
}

/// See [`transactions`].
#[derive(Debug)]
pub struct Transactions<D> {
    part: PartOfWorld,
    table: String,
    /// What has come since the last cut, and how much of it had when it was flushed last.
    taken: Vec<String>,
    flushed: usize,
    /// Transactions that were cut and are not prepared.
    cut: VecDeque<(u64, Vec<String>)>,
    /// Those that were cut and are not committed.
    pending: VecDeque<u64>,
    /// The number of the next.
    next: u64,
    /// Whether those of a life before that the checkpoint does not know are undone.
    is_open: bool,
    rows: PhantomData<fn(D)>,
}

/// What an attempt came to.
enum Attempt {
    Done,
    /// It is to be made again.
    Again,
    /// The process has crashed.
    Dead,
}

impl<D> Transactions<D> {
    fn open(&mut self) -> Attempt {
        if !self.is_open {
            let Ok(mut outside) = self.part.step() else { return Attempt::Dead };
            let pending = &self.pending;
            outside.table(&self.table).prepared.retain(|transaction, _| pending.contains(transaction));
            drop(outside);
            self.is_open = true;
        }
        Attempt::Done
    }

    fn prepare(&mut self) -> Attempt {
        while let Some((transaction, rows)) = self.cut.front() {
            let Ok(mut outside) = self.part.step() else { return Attempt::Dead };
            if outside.transaction_fails() {
                return Attempt::Again;
            }
            outside.table(&self.table).prepared.insert(*transaction, rows.clone());
            drop(outside);
            if self.part.step().is_err() {
                return Attempt::Dead;
            }
            self.cut.pop_front();
        }
        Attempt::Done
    }

    fn commit(&mut self) -> Attempt {
        while let Some(&transaction) = self.pending.front() {
            let Ok(mut outside) = self.part.step() else { return Attempt::Dead };
            if outside.transaction_fails() {
                return Attempt::Again;
            }
            outside.commit(&self.table, transaction);
            drop(outside);
            if self.part.step().is_err() {
                return Attempt::Dead;
            }
            self.pending.pop_front();
        }
        Attempt::Done
    }
}

impl Attempt {
    fn polled(self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        match self {
            Attempt::Done => return Poll::Ready(Ok(())),
            Attempt::Again => turn.context().waker().wake_by_ref(),
            Attempt::Dead => {}
        }
        Poll::Pending
    }
}

impl<D> Operator for Transactions<D> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn poll_flush(&mut self, _turn: &mut Turn<'_, '_>, _flush: Flush) -> Poll<Result<(), Cause>> {
        // Where it is dead that shows at the next attempt.
        self.open();
        self.flushed = self.taken.len();
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self) -> u64 {
        let rows = self.taken.len() - self.flushed;
        self.taken.truncate(self.flushed);
        rows as u64
    }

    fn finish(&mut self) {}
}

impl<D> Durable for Transactions<D> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("pending", &mut self.pending)?;
        fields.value("next", &mut self.next)
    }

    fn cut(&mut self) {
        self.flushed = 0;
        self.cut.push_back((self.next, std::mem::take(&mut self.taken)));
        self.pending.push_back(self.next);
        self.next += 1;
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.prepare().polled(turn)
    }

    fn poll_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        match self.open() {
            Attempt::Done => self.commit().polled(turn),
            attempt => attempt.polled(turn),
        }
    }
}

impl<D> Commits for Transactions<D> {}

impl<D, Outs> Resume<Outs> for Transactions<D> {}

impl<D: Debug, T: Timestamp, Outs> Input<0, D, T, (), Outs> for Transactions<D> {
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.taken.push(format!("{:?}", row.data));
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}

/// Appends rows to a table as they are flushed, once and for all: after a crash some of them come again.
pub fn appended<D: Debug, T>(_input: Edge<D, T>, world: &World, table: &str) -> Node<Appended<D>, NoPorts> {
    let (part, table) = (world.part(), table.to_owned());
    Node::new(Appended { part, table, taken: Vec::new(), rows: PhantomData }, NoPorts)
}

/// See [`appended`].
#[derive(Debug)]
pub struct Appended<D> {
    part: PartOfWorld,
    table: String,
    taken: Vec<String>,
    rows: PhantomData<fn(D)>,
}

impl<D> Operator for Appended<D> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn poll_flush(&mut self, _turn: &mut Turn<'_, '_>, _flush: Flush) -> Poll<Result<(), Cause>> {
        if !self.taken.is_empty()
            && let Ok(mut outside) = self.part.step()
        {
            outside.table(&self.table).rows.append(&mut self.taken);
        }
        Poll::Ready(Ok(()))
    }

    fn abandon(&mut self) -> u64 {
        std::mem::take(&mut self.taken).len() as u64
    }

    fn finish(&mut self) {}
}

durable!(Appended<D> keeps {});

impl<D, Outs> Resume<Outs> for Appended<D> {}

impl<D: Debug, T: Timestamp, Outs> Input<0, D, T, (), Outs> for Appended<D> {
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.taken.push(format!("{:?}", row.data));
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
