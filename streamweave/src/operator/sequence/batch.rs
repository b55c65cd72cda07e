//! Many rows made one, by count, by size or by time.
//!
//! # Time
//!
//! A batch is at the greatest time of its rows: not before any of them, and behind the frontier
//! only where all of them are. The time of a batch that is still being filled can only grow, so
//! the output frontier is the input frontier, held back to the greatest time held so far. What was
//! on time stays on time, therefore, however long it is held. (The least time would hold the
//! frontier back for longer; the time of the last row would make a batch late for one straggler.)

use std::task::Poll;

use crate::envelope::Update;
use crate::operator::rate::above_zero;
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Progress, Resume, Turn, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::Storable;
use crate::time::{Frontier, ProcessingTime, TimeDelta, Timestamp, TotalOrder};

/// Gathers so many rows into one `Vec`, in order of arrival, for what is cheaper by the many: a
/// request, a transaction.
///
/// What is left at the end of the stream is emitted then, as a smaller batch (rule J9); a stream
/// without rows makes no batch. Rows wait for others for as long as these take, or
/// [within](Node::within) a time.
///
/// A batch is at the greatest time of its rows, and the frontier waits for it. It can hold rows of
/// several windows: batch what comes out of a window, not what goes into one. Keeps up to `rows`
/// rows.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     numbers = from_iter(1..=5);
///     numbers -> batch(2) -> batches;
///     batches = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.batches, [vec![1, 2], vec![3, 4], vec![5]]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where `rows` is zero.
#[doc(alias = "chunks")]
#[doc(alias = "buffer")]
pub fn batch<D, T: TotalOrder>(
    input: Edge<D, T>,
    rows: usize,
) -> Node<Batch<D, T, impl FnMut(&D) -> usize>, OnlyOut<Vec<D>, T, ()>> {
    batch_bytes(input, rows, |_| 1)
}

/// Gathers rows into one `Vec`, in order of arrival, as long as their sizes come to no more than
/// `limit`; a row that is larger by itself is a batch by itself.
///
/// `size` is called once for each row and may measure whatever the limit is in. A row that would
/// go beyond the limit begins the next batch. In all else as [`batch`].
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = from_iter(["a", "rose", "is", "a", "rose"]);
///     words -> batch_bytes(5, |word| word.len()) -> batches;
///     batches = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.batches, [vec!["a", "rose"], vec!["is", "a"], vec!["rose"]]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where `limit` is zero.
pub fn batch_bytes<D, T: TotalOrder, F: FnMut(&D) -> usize>(
    _input: Edge<D, T>,
    limit: usize,
    size: F,
) -> Node<Batch<D, T, F>, OnlyOut<Vec<D>, T, ()>> {
    let (input, output) = (Frontier::start(), Frontier::start());
    let batch = Batch {
        limit,
        size,
        within: None,
        rows: Vec::new(),
        filled: 0,
        latest: None,
        due: ProcessingTime::MIN,
        input,
        output,
    };
    Node::new(batch, OnlyOut::new())
}

impl<D, T: TotalOrder, F> Node<Batch<D, T, F>, OnlyOut<Vec<D>, T, ()>> {
    /// Emits a batch once its first row has waited for so long on the clock, though it is not full.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    ///
    /// graph! {
    ///     graph inserts(rows: u32) -> (transactions: Vec<u32>) {
    ///         rows -> batch(100).within(50.millis()) -> batches;
    ///         batches = inspect(|_| ());
    ///         batches -> transactions;
    ///     }
    /// }
    ///
    /// let mut inserts = inserts::harness();
    /// inserts.inputs.rows.send(1);
    /// inserts.advance(20.millis());
    /// inserts.inputs.rows.send(2);
    /// inserts.advance(29.millis());
    /// assert!(inserts.outputs.transactions.take().is_empty());
    /// inserts.advance(1.millis());
    /// assert_eq!(inserts.outputs.transactions.take(), [[1, 2]]);
    /// ```
    ///
    /// # Errors
    ///
    /// The graph is refused where `time` is not above zero.
    #[must_use]
    pub fn within(self, time: TimeDelta) -> Self {
        self.map_operator(|batch| Batch { within: Some(time), ..batch })
    }
}

/// See [`batch_bytes`]; [`batch`] takes every row for one.
#[derive(Clone, Debug)]
pub struct Batch<D, T: Timestamp, F> {
    limit: usize,
    size: F,
    /// How long the first row may wait.
    within: Option<TimeDelta>,
    /// Those held.
    rows: Vec<D>,
    /// What their sizes come to.
    filled: usize,
    /// Their greatest time; `None` where there is no row.
    latest: Option<T>,
    /// When the rows are due, where there are any and they may not wait for as long as it takes.
    due: ProcessingTime,
    input: Frontier<T>,
    output: Frontier<T>,
}

impl<D, T: TotalOrder, F> Batch<D, T, F> {
    #[inline(always)]
    fn hold(&mut self, data: D, time: T, size: usize, now: ProcessingTime) {
        if let Some(within) = self.within.filter(|_| self.rows.is_empty()) {
            self.due = now + within;
        }
        self.rows.push(data);
        self.filled = self.filled.saturating_add(size);
        self.latest = self.latest.take().max(Some(time));
    }

    /// Whether the rows that are held are to wait no longer.
    #[inline(always)]
    fn is_due(&self, now: ProcessingTime) -> bool {
        self.within.is_some() && !self.rows.is_empty() && self.due <= now
    }

    fn emit<S: Push<Vec<D>, T, ()>>(&mut self, out: &mut Port<S>) {
        let Some(time) = self.latest.take() else {
            return;
        };
        let next = Vec::with_capacity(self.rows.len());
        let data = std::mem::replace(&mut self.rows, next);
        self.filled = 0;
        out.push(Update { data, time, diff: () });
    }

    /// Advances the output as far as the rows held allow.
    fn release<S: Push<Vec<D>, T, ()>>(&mut self, out: &mut Port<S>) {
        let held = self.latest.clone().map_or_else(Frontier::end, Frontier::at);
        let allowed = self.input.meet(&held);
        if allowed.is_beyond(&self.output) {
            self.output = allowed.clone();
            out.advance(allowed);
        }
    }
}

impl<D, T: Timestamp, F> Operator for Batch<D, T, F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.limit == 0 {
            return Err("the limit of a batch must be above zero, found 0".into());
        }
        self.within.map_or(Ok(()), |within| above_zero("the time within which a batch is emitted", within))
    }

    fn uses_clock(&self) -> bool {
        self.within.is_some()
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if self.within.is_none() || self.rows.is_empty() {
            return Poll::Pending;
        }
        turn.until(self.due).map(Ok)
    }

    fn idle(&mut self) -> bool {
        self.within.is_none() || self.rows.is_empty()
    }

    fn finish(&mut self) {}
}

durable!(
    Batch<D, T, F> where { D: Storable, T: Timestamp + Storable }
    keeps { rows, filled, due, input, output } and perhaps { latest }
);

impl<D, T: TotalOrder, F, S: Push<Vec<D>, T, ()>> Resume<(Port<S>,)> for Batch<D, T, F> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        if self.is_due(cx.now()) {
            self.emit(out);
            self.release(out);
        }
        Progress::More
    }
}

impl<D, T, F, S> Input<0, D, T, (), (Port<S>,)> for Batch<D, T, F>
where
    T: TotalOrder,
    F: FnMut(&D) -> usize,
    S: Push<Vec<D>, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let size = (self.size)(&row.data);
        // A node before this one may have been resumed first, though the rows are due.
        if self.filled.saturating_add(size) > self.limit || self.is_due(cx.now()) {
            self.emit(out);
        }
        self.hold(row.data, row.time, size, cx.now());
        if self.filled >= self.limit {
            self.emit(out);
        }
        if self.output != self.input {
            self.release(out);
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            self.emit(out);
        }
        self.input = frontier;
        self.release(out);
    }
}
