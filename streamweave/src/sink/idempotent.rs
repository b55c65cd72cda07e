//! Sinks that tell a row that they have seen: rows are written under ids, perhaps more than once.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem::take;
use std::task::Poll;

use super::lent::Lent;
use crate::envelope::Update;
use crate::operator::asynchronous::Retry;
use crate::operator::{Cause, Commits, Cx, Durable, Flush, Input, Node, Operator, Outcome, Resume, Turn};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, ProcessingTime, Timestamp};

/// So many rows may wait while a call is under way; with more of them sources wait, too.
const WAITING: usize = 8 * 1024;

/// What rows can be written to under ids, where a row that comes again under its id changes nothing, or takes the place of the one before.
///
/// # Contract
///
/// 1. Once [`upsert`](IdempotentSink::upsert) has returned the rows survive, and a later row under the same id has taken the place of an
///    earlier one, in the order in which they came.
/// 2. The same rows may come again: after an error that [is transient](IdempotentSink::is_transient), and after a restart, from the
///    last checkpoint on. What is there in the end is what would be there if each had come once.
/// 3. Calls come one at a time, and do not block.
///
/// | event | what a crash right behind it leaves |
/// |---|---|
/// | `upsert` has begun | some of its rows, perhaps; they come again |
/// | `upsert` has returned | its rows; those behind the last checkpoint come again |
/// | a checkpoint is durable | its rows, which do not come again |
///
/// So whoever looks between a restart and the moment at which it is where it was before may find an older row under an id at which
/// there was a newer one. Where that must not be seen a [`TransactionalSink`](super::TransactionalSink) is needed.
pub trait IdempotentSink: Send + 'static {
    /// Under what a row is found again.
    type Id: Send + 'static;
    /// What is written.
    type Row: Send + 'static;
    /// Why it cannot go on.
    type Error: Error + Send + Sync + 'static;

    /// Writes rows under their ids, in this order.
    ///
    /// # Errors
    ///
    /// It is tried again where the error is transient, as often as the [retry](Node::write_retry) says; then the run ends with it.
    fn upsert(
        &mut self,
        rows: &[(Self::Id, Self::Row)],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether a call that failed in this way may succeed later. If nothing is said it always may.
    fn is_transient(_error: &Self::Error) -> bool {
        true
    }
}

/// Writes each row under the id that a function of the row gives; yields the number of rows written.
///
/// The id has to be a function of the row alone: then a row that comes again after a crash comes under the id that it had.
/// A checkpoint is durable once the rows before it are written.
///
/// While a call is under way up to 8,192 rows wait for it; with more of them sources wait, too.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use std::sync::{Arc, Mutex};
///
/// use streamweave::prelude::*;
/// use streamweave::sink::IdempotentSink;
///
/// struct Store(Arc<Mutex<BTreeMap<u64, String>>>);
///
/// impl IdempotentSink for Store {
///     type Id = u64;
///     type Row = String;
///     type Error = Infallible;
///
///     async fn upsert(&mut self, rows: &[(u64, String)]) -> Result<(), Infallible> {
///         self.0.lock().expect("nobody panics with it").extend(rows.iter().cloned());
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = Arc::new(Mutex::new(BTreeMap::new()));
/// let result = graph! {
///     words = from_iter(["warp", "weft", "warp"].map(String::from));
///     words -> stored;
///     stored = to_idempotent_sink(|word| word.len() as u64, Store(store.clone()));
/// }
/// .run()
/// .await?;
/// assert_eq!(result.stored, 3);
/// assert_eq!(store.lock().expect("nobody panics with it").len(), 1);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The run ends where a call fails for good; see [`write_retry`](Node::write_retry).
pub fn to_idempotent_sink<D, T, S, F>(
    _input: Edge<D, T>,
    id: F,
    sink: S,
) -> Node<ToIdempotentSink<S, F>, NoPorts>
where
    S: IdempotentSink<Row = D>,
    F: FnMut(&D) -> S::Id,
{
    Node::new(ToIdempotentSink::new(id, sink), NoPorts)
}

impl<S: IdempotentSink, F: FnMut(&S::Row) -> S::Id> Node<ToIdempotentSink<S, F>, NoPorts> {
    /// Makes a call that failed again, so often and after so long. If nothing is said it is made 10 times, after 100 ms, 200 ms and so on:
    /// for about a minute and a half.
    #[must_use]
    pub fn write_retry(self, retry: Retry) -> Self {
        self.map_operator(|sink| sink.retrying(retry))
    }
}

type Rows<S> = Vec<(<S as IdempotentSink>::Id, <S as IdempotentSink>::Row)>;

/// See [`to_idempotent_sink`].
pub struct ToIdempotentSink<S: IdempotentSink, F> {
    id: F,
    sink: Lent<S, (Rows<S>, Result<(), S::Error>)>,
    /// What came since it was flushed last.
    rows: Rows<S>,
    /// What is to be written.
    work: VecDeque<Rows<S>>,
    /// How many rows were taken, and how many have been handed over and written.
    taken: u64,
    handed_over: u64,
    written: u64,
    /// How many were handed over at the last cut.
    cut: u64,
    retry: Retry,
    attempts: u32,
    again_at: Option<ProcessingTime>,
    has_failed: bool,
    is_served: bool,
}

impl<S: IdempotentSink, F> fmt::Debug for ToIdempotentSink<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToIdempotentSink").field("sink", &self.sink).finish_non_exhaustive()
    }
}

impl<S: IdempotentSink, F> ToIdempotentSink<S, F> {
    pub(super) fn new(id: F, sink: S) -> Self {
        ToIdempotentSink {
            id,
            sink: Lent::Here(sink),
            rows: Vec::new(),
            work: VecDeque::new(),
            taken: 0,
            handed_over: 0,
            written: 0,
            cut: 0,
            retry: Retry::times(10),
            attempts: 0,
            again_at: None,
            has_failed: false,
            is_served: false,
        }
    }

    pub(super) fn retrying(self, retry: Retry) -> Self {
        ToIdempotentSink { retry, ..self }
    }

    fn hand_over(&mut self) {
        let rows = take(&mut self.rows);
        self.handed_over += rows.len() as u64;
        match self.work.back_mut() {
            _ if rows.is_empty() => {}
            // What failed and comes again comes as it was.
            Some(before) if self.attempts == 0 => before.extend(rows),
            _ => self.work.push_back(rows),
        }
    }

    /// Goes on as far as it can without waiting.
    fn go_on(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), Cause> {
        while !self.has_failed {
            let polled = self.sink.poll(turn.context());
            self.is_served = polled.is_pending();
            match polled {
                Poll::Pending => break,
                Poll::Ready(Some((rows, written))) => {
                    let settled = self.settle(rows, written, turn);
                    self.has_failed = settled.is_err();
                    settled?;
                }
                Poll::Ready(None) if self.again_at.is_some_and(|at| turn.until(at).is_pending()) => break,
                Poll::Ready(None) => {
                    let Some(rows) = self.work.pop_front() else { break };
                    self.sink.send(|mut sink| {
                        Box::pin(async move {
                            let written = sink.upsert(&rows).await;
                            (sink, (rows, written))
                        })
                    });
                }
            }
        }
        Ok(())
    }

    fn settle(
        &mut self,
        rows: Rows<S>,
        written: Result<(), S::Error>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Cause> {
        let Err(error) = written else {
            (self.attempts, self.again_at) = (0, None);
            self.written += rows.len() as u64;
            return Ok(());
        };
        self.work.push_front(rows);
        self.attempts += 1;
        if !S::is_transient(&error) || !self.retry.is_left(self.attempts) {
            return Err(error.into());
        }
        let delay = self.retry.delay(self.written, self.attempts);
        tracing::warn!(%error, attempt = self.attempts, ?delay, "rows could not be written and are tried again");
        self.again_at = Some(turn.now() + delay);
        Ok(())
    }
}

impl<S: IdempotentSink, F> Operator for ToIdempotentSink<S, F> {
    type Yield = u64;
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn validate(&mut self) -> Result<(), Cause> {
        self.retry.validate()
    }

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        self.hand_over();
        self.go_on(turn)?;
        let allowed = if flush == Flush::Batch { WAITING as u64 } else { 0 };
        let is_done = self.has_failed || self.handed_over - self.written <= allowed;
        if is_done { Poll::Ready(Ok(())) } else { Poll::Pending }
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
        (attempts > 0).then(|| format!("rows that could not be written {attempts} times").into())
    }

    fn finish(&mut self) -> u64 {
        self.taken
    }
}

impl<S: IdempotentSink, F> Durable for ToIdempotentSink<S, F> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("rows", &mut self.taken)
    }

    fn cut(&mut self) {
        self.hand_over();
        self.cut = self.handed_over;
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.go_on(turn)?;
        if self.written >= self.cut { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl<S: IdempotentSink, F> Commits for ToIdempotentSink<S, F> {}

impl<S: IdempotentSink, F, Outs> Resume<Outs> for ToIdempotentSink<S, F> {}

impl<S, F, T: Timestamp, Outs> Input<0, S::Row, T, (), Outs> for ToIdempotentSink<S, F>
where
    S: IdempotentSink,
    F: FnMut(&S::Row) -> S::Id,
{
    #[inline]
    fn push(&mut self, row: Update<S::Row, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.rows.push(((self.id)(&row.data), row.data));
        self.taken += 1;
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
