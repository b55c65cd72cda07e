//! Many rows made one, by count or by size.
//!
//! # Time
//!
//! A batch is at the greatest time of its rows: not before any of them, and behind the frontier
//! only where all of them are. The time of a batch that is still being filled can only grow, so
//! the output frontier is the input frontier, held back to the greatest time held so far. What was
//! on time stays on time, therefore, however long it is held. (The least time would hold the
//! frontier back for longer; the time of the last row would make a batch late for one straggler.)

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Resume};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::time::{Frontier, Timestamp, TotalOrder};

/// Gathers so many rows into one `Vec`, in order of arrival, for what is cheaper by the many: a
/// request, a transaction.
///
/// What is left at the end of the stream is emitted then, as a smaller batch (rule J9); a stream
/// without rows makes no batch. Without a clock rows wait for others for as long as these take.
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
    Node::new(Batch { limit, size, rows: Vec::new(), filled: 0, latest: None, input, output }, OnlyOut::new())
}

/// See [`batch_bytes`]; [`batch`] takes every row for one.
#[derive(Clone, Debug)]
pub struct Batch<D, T: Timestamp, F> {
    limit: usize,
    size: F,
    /// Those held.
    rows: Vec<D>,
    /// What their sizes come to.
    filled: usize,
    /// Their greatest time; `None` where there is no row.
    latest: Option<T>,
    input: Frontier<T>,
    output: Frontier<T>,
}

impl<D, T: TotalOrder, F> Batch<D, T, F> {
    #[inline(always)]
    fn hold(&mut self, data: D, time: T, size: usize) {
        self.rows.push(data);
        self.filled = self.filled.saturating_add(size);
        self.latest = self.latest.take().max(Some(time));
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

    fn validate(&mut self) -> Result<(), Cause> {
        if self.limit == 0 { Err("the limit of a batch must be above zero, found 0".into()) } else { Ok(()) }
    }

    fn finish(&mut self) {}
}

impl<D, T: Timestamp, F, Outs> Resume<Outs> for Batch<D, T, F> {}

impl<D, T, F, S> Input<0, D, T, (), (Port<S>,)> for Batch<D, T, F>
where
    T: TotalOrder,
    F: FnMut(&D) -> usize,
    S: Push<Vec<D>, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let size = (self.size)(&row.data);
        if self.filled.saturating_add(size) > self.limit {
            self.emit(out);
        }
        self.hold(row.data, row.time, size);
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
