//! The operator that keeps the contract of a transactional sink.

use std::collections::VecDeque;
use std::fmt;
use std::mem::{replace, take};
use std::task::Poll;

use serde::{Deserialize, Serialize};

use super::super::lent::Lent;
use super::{Ahead, Known, TransactionalSink};
use crate::envelope::Update;
use crate::operator::asynchronous::Retry;
use crate::operator::{Cause, Commits, Cx, Durable, Flush, Input, Node, Operator, Outcome, Resume, Turn};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, ProcessingTime, Timestamp};

/// So many rows may wait while the sink is busy; with more of them sources wait, too.
const WAITING: usize = 8 * 1024;

/// Writes rows in transactions that are committed with the checkpoints of the graph; yields the number of rows.
///
/// In a graph that keeps its state a row is seen outside once the checkpoint behind it is durable. Where the graph keeps none a
/// transaction ends whenever no input is at hand, at the latest after 32 batches; then a crash loses what was not committed.
/// A stretch between two checkpoints without a row costs nothing: no method is called.
///
/// While the sink is busy up to 8,192 rows wait for it; with more of them sources wait, too.
///
/// # Errors
///
/// The run ends where a call fails; a commit is tried again before, see [`commit_retry`](Node::commit_retry). It ends with [`Ahead`],
/// before the first row, where an older checkpoint is restored than the last and the sink does not take back what it has committed since.
pub fn to_sink<D, T, S: TransactionalSink<Row = D>>(_input: Edge<D, T>, sink: S) -> Node<ToSink<S>, NoPorts> {
    Node::new(ToSink::new(sink), NoPorts)
}

impl<S: TransactionalSink> Node<ToSink<S>, NoPorts> {
    /// Tries a commit that failed again, so often and after so long. If nothing is said it is tried 10 times, after 100 ms, 200 ms and
    /// so on: for about a minute and a half.
    #[must_use]
    pub fn commit_retry(self, retry: Retry) -> Self {
        self.map_operator(|sink| sink.retrying(retry))
    }
}

/// See [`to_sink`].
pub struct ToSink<S: TransactionalSink> {
    sink: Lent<S, Done<S>>,
    /// What came since it was flushed last.
    rows: Vec<S::Row>,
    work: VecDeque<Work<S::Row>>,
    /// How many rows are in `work`.
    waiting: usize,
    /// The transactions that are pre-committed and not committed, the oldest first.
    pending: Vec<S::Transaction>,
    /// The number of the transaction that is open or comes next.
    number: u64,
    /// Whether a row has come since the last cut.
    has_rows: bool,
    /// Whether the sink was told to begin the transaction at hand.
    has_begun: bool,
    /// How many cuts the sink has not been told of.
    cuts: usize,
    is_opened: bool,
    is_new: bool,
    /// Whether somebody will cut: a graph that keeps its state.
    is_cut: bool,
    is_committing: bool,
    retry: Retry,
    /// How often the commit at hand has failed, and when it is tried again.
    attempts: u32,
    again_at: Option<ProcessingTime>,
    has_failed: bool,
    is_served: bool,
    /// How many rows were taken.
    taken: u64,
}

/// What the sink is to do, in this order.
enum Work<D> {
    Write(Vec<D>),
    PreCommit,
}

/// What came of a call.
enum Done<S: TransactionalSink> {
    Opened(Vec<S::Transaction>, Result<u64, S::Error>),
    Written(Result<(), S::Error>),
    PreCommitted(Result<S::Transaction, S::Error>),
    Committed(S::Transaction, Result<(), S::Error>),
}

/// What is saved at the cut; the transactions follow.
#[derive(Serialize, Deserialize)]
struct Saved {
    next: u64,
    rows: u64,
}

impl<S: TransactionalSink> fmt::Debug for ToSink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToSink")
            .field("sink", &self.sink)
            .field("number", &self.number)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl<S: TransactionalSink> ToSink<S> {
    pub(in crate::sink) fn new(sink: S) -> Self {
        ToSink {
            sink: Lent::Here(sink),
            rows: Vec::new(),
            work: VecDeque::new(),
            waiting: 0,
            pending: Vec::new(),
            number: 1,
            has_rows: false,
            has_begun: false,
            cuts: 0,
            is_opened: false,
            is_new: true,
            is_cut: false,
            is_committing: false,
            retry: Retry::times(10),
            attempts: 0,
            again_at: None,
            has_failed: false,
            is_served: false,
            taken: 0,
        }
    }

    pub(in crate::sink) fn retrying(self, retry: Retry) -> Self {
        ToSink { retry, ..self }
    }

    /// Hands over what came since it was flushed last.
    fn hand_over(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        let rows = take(&mut self.rows);
        self.waiting += rows.len();
        self.has_rows = true;
        match self.work.back_mut() {
            Some(Work::Write(before)) => before.extend(rows),
            _ => self.work.push_back(Work::Write(rows)),
        }
    }

    /// Ends the transaction at hand, if there is one.
    fn end_transaction(&mut self) {
        self.hand_over();
        if replace(&mut self.has_rows, false) {
            self.work.push_back(Work::PreCommit);
            self.cuts += 1;
        }
    }

    /// Goes on as far as it can without waiting.
    fn go_on(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), Cause> {
        while !self.has_failed {
            let polled = self.sink.poll(turn.context());
            self.is_served = polled.is_pending();
            match polled {
                Poll::Pending => break,
                Poll::Ready(Some(done)) => {
                    let settled = self.settle(done, turn);
                    self.has_failed = settled.is_err();
                    settled?;
                }
                Poll::Ready(None) => {
                    if !self.next(turn) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes the next call; `false` where there is none to be made now.
    fn next(&mut self, turn: &mut Turn<'_, '_>) -> bool {
        if !self.is_opened {
            let (pending, is_new, next) = (take(&mut self.pending), self.is_new, self.number);
            self.sink.send(|mut sink| {
                Box::pin(async move {
                    let known = Known { is_new, next, pending: &pending };
                    let opened = sink.abort_unknown(known).await;
                    (sink, Done::Opened(pending, opened))
                })
            });
            return true;
        }
        // Before rows of a later transaction: others wait for it.
        if self.is_committing
            && !self.pending.is_empty()
            && self.again_at.is_none_or(|at| turn.until(at).is_ready())
        {
            let transaction = self.pending.remove(0);
            self.sink.send(|mut sink| {
                Box::pin(async move {
                    let committed = sink.commit(&transaction).await;
                    (sink, Done::Committed(transaction, committed))
                })
            });
            return true;
        }
        let number = self.number;
        match self.work.pop_front() {
            Some(Work::Write(rows)) => {
                self.waiting -= rows.len();
                let has_begun = replace(&mut self.has_begun, true);
                self.sink.send(|mut sink| {
                    Box::pin(async move {
                        let begun = if has_begun { Ok(()) } else { sink.begin(number).await };
                        let written = match begun {
                            Ok(()) => sink.write(rows).await,
                            Err(error) => Err(error),
                        };
                        (sink, Done::Written(written))
                    })
                });
            }
            Some(Work::PreCommit) => {
                self.has_begun = false;
                self.sink.send(|mut sink| {
                    Box::pin(async move {
                        let ended = sink.pre_commit().await;
                        (sink, Done::PreCommitted(ended))
                    })
                });
            }
            None => return false,
        }
        true
    }

    fn settle(&mut self, done: Done<S>, turn: &mut Turn<'_, '_>) -> Result<(), Cause> {
        match done {
            Done::Opened(pending, opened) => {
                let (committed, known) = (opened?, self.number - 1);
                if !self.is_new && committed > known {
                    return Err(Ahead { committed, known }.into());
                }
                self.pending = pending;
                self.is_opened = true;
            }
            Done::Written(written) => written?,
            Done::PreCommitted(ended) => {
                self.pending.push(ended?);
                self.number += 1;
                self.cuts -= 1;
            }
            Done::Committed(_, Ok(())) => (self.attempts, self.again_at) = (0, None),
            Done::Committed(transaction, Err(error)) => {
                self.pending.insert(0, transaction);
                self.attempts += 1;
                if !S::is_transient(&error) || !self.retry.is_left(self.attempts) {
                    return Err(error.into());
                }
                let delay = self.retry.delay(self.number, self.attempts);
                tracing::warn!(%error, attempt = self.attempts, ?delay, "a commit failed and is tried again");
                self.again_at = Some(turn.now() + delay);
            }
        }
        Ok(())
    }

    /// Whether nothing is left to be done but what waits for a cut.
    fn is_settled(&self) -> bool {
        self.is_opened && self.work.is_empty() && !self.sink.is_away()
    }
}

impl<S: TransactionalSink> Operator for ToSink<S> {
    type Yield = u64;
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn validate(&mut self) -> Result<(), Cause> {
        self.retry.validate()
    }

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        self.hand_over();
        if !self.is_cut && flush > Flush::Batch {
            self.end_transaction();
            self.is_committing = true;
        }
        self.go_on(turn)?;
        let is_done = match self.is_cut || flush == Flush::Batch {
            true => self.is_opened && self.waiting < WAITING,
            false => self.is_settled() && self.pending.is_empty(),
        };
        if is_done || self.has_failed { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn abandon(&mut self) -> u64 {
        let rows = take(&mut self.rows).len() as u64;
        self.taken -= rows;
        rows
    }

    fn is_served(&mut self) -> bool {
        self.is_served
    }

    fn waits_for(&mut self) -> Option<std::borrow::Cow<'static, str>> {
        let attempts = self.attempts;
        (attempts > 0).then(|| format!("a commit that has failed {attempts} times").into())
    }

    fn finish(&mut self) -> u64 {
        self.taken
    }
}

impl<S: TransactionalSink> Durable for ToSink<S> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.is_cut = true;
        let mut saved = Saved { next: self.number + self.cuts as u64, rows: self.taken };
        fields.value("written", &mut saved)?;
        fields.sealed("pending", &mut self.pending)?;
        if fields.is_loading() && !fields.is_new() {
            (self.number, self.taken, self.is_new) = (saved.next, saved.rows, false);
        }
        Ok(())
    }

    fn cut(&mut self) {
        self.end_transaction();
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.go_on(turn)?;
        if self.cuts == 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.is_committing = true;
        self.go_on(turn)?;
        // One that is being committed is neither pending nor done.
        let is_done = self.is_opened && self.pending.is_empty() && !self.sink.is_away();
        if !is_done {
            return Poll::Pending;
        }
        self.is_committing = false;
        Poll::Ready(Ok(()))
    }
}

impl<S: TransactionalSink> Commits for ToSink<S> {}

impl<S: TransactionalSink, Outs> Resume<Outs> for ToSink<S> {}

impl<S: TransactionalSink, T: Timestamp, Outs> Input<0, S::Row, T, (), Outs> for ToSink<S> {
    #[inline]
    fn push(&mut self, row: Update<S::Row, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.rows.push(row.data);
        self.taken += 1;
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
