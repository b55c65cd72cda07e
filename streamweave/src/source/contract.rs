//! Sources of one's own that replay: a contract, and the operator that keeps it.

use std::error::Error;
use std::fmt;
use std::task::{Context, Poll, ready};

use serde::{Deserialize, Serialize};

use crate::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Replays, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch, Storable};

use super::rows::{ROWS, Rows};

/// What rows can be read from, again from where it was: a log, a queue with offsets, a table with a growing key.
///
/// # Contract
///
/// 1. Behind the same position the same rows come, in the same order, for as long as that position or one behind it has not been
///    [acknowledged](Source::poll_acknowledge). That is what exactly-once rests on; where it does not hold, rows are lost or come twice.
/// 2. [`position`](Source::position) is behind the last row that [`poll_next`](Source::poll_next) gave, and valid before the first.
/// 3. [`seek`](Source::seek) comes before everything else, where it comes; else the source begins where it was made to begin.
/// 4. `poll_next` and `poll_acknowledge` do not block. They are not called again once they have failed, and `poll_next` is not
///    called again once it has given `None`.
/// 5. Where a graph goes on is what its checkpoint holds, and never what the outside believes it has read (rule H8).
///
/// | event | what a crash right behind it leaves |
/// |---|---|
/// | `poll_next` gives a row | the position of the last checkpoint: the row comes again |
/// | the checkpoint that holds a position is durable | that position; what was before it is not asked for any more |
/// | `poll_acknowledge` of it is ready | the same; after a restart the position is acknowledged once more |
///
/// # Examples
///
/// The lines of a log that is kept elsewhere:
///
/// ```
/// use std::convert::Infallible;
/// use std::task::{Context, Poll};
///
/// use streamweave::prelude::*;
/// use streamweave::source::Source;
///
/// struct Log {
///     lines: Vec<String>,
///     next: u64,
/// }
///
/// impl Source for Log {
///     type Row = String;
///     type Position = u64;
///     type Error = Infallible;
///
///     fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Option<Result<String, Infallible>>> {
///         let line = self.lines.get(self.next as usize).cloned();
///         self.next += 1;
///         Poll::Ready(line.map(Ok))
///     }
///
///     fn position(&self) -> u64 {
///         self.next
///     }
///
///     fn seek(&mut self, position: u64) {
///         self.next = position;
///     }
/// }
///
/// # let directory = std::env::temp_dir().join(format!("streamweave-source-{}", std::process::id()));
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let log = Log { lines: ["warp", "weft"].map(String::from).into(), next: 0 };
/// let result = graph! {
///     #![durable = exactly_once]
///     lines = from_source(log);
///     lines -> all;
///     all = collect();
/// }
/// .checkpoints(Checkpoints::in_directory(&directory))
/// .run()
/// .await?;
/// assert_eq!(result.all, ["warp", "weft"]);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Source {
    /// What it gives. A `Result` for rows that may be bad each by itself: [`split_results`](crate::prelude::split_results) parts them.
    type Row;
    /// Where it stands: an offset, or one for each partition.
    type Position: Storable + Clone;
    /// Why it cannot go on; the run ends with it.
    type Error: Error + Send + Sync + 'static;

    /// The next row, `None` once there are no more; pending where none is at hand, and the waker is woken when one is.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Self::Row, Self::Error>>>;

    /// Behind the last row that was given.
    fn position(&self) -> Self::Position;

    /// Goes on behind this position. What is wrong with it the next [`poll_next`](Source::poll_next) says.
    fn seek(&mut self, position: Self::Position);

    /// What is before this position will not be asked for again: the checkpoint that holds it is durable. Ready once the outside
    /// has been told, where it wants to know.
    ///
    /// # Errors
    ///
    /// The run ends with it.
    fn poll_acknowledge(
        &mut self,
        _context: &mut Context<'_>,
        _position: &Self::Position,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
}

/// Emits what a [`Source`] gives, as soon as it gives it; in a graph that keeps its state it goes on from its position.
///
/// Up to 1,024 rows are taken ahead of what is emitted.
///
/// # Errors
///
/// Where the source fails the run ends, once the rows before have been emitted.
pub fn from_source<S: Source>(source: S) -> Node<FromSource<S>, OnlyOut<S::Row, (), ()>> {
    let source = FromSource {
        source,
        rows: Rows::none(),
        begun: None,
        fatal: None,
        to_acknowledge: None,
        pass_over: 0,
    };
    Node::new(source, OnlyOut::new())
}

/// See [`from_source`].
pub struct FromSource<S: Source> {
    source: S,
    rows: Rows<S::Row>,
    /// Where reading the rows at hand began, and how many rows behind that the last of them is.
    begun: Option<(S::Position, u64)>,
    fatal: Option<S::Error>,
    /// The position of the last cut.
    to_acknowledge: Option<S::Position>,
    /// How many of the rows that come next were emitted before.
    pass_over: u64,
}

impl<S: Source> fmt::Debug for FromSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromSource").field("at_hand", &self.rows.ready.len()).finish_non_exhaustive()
    }
}

/// What is saved: a position, and how many rows behind it have been emitted.
#[derive(Serialize, Deserialize)]
struct Saved<P> {
    position: P,
    emitted: u64,
}

impl<S: Source> FromSource<S> {
    fn saved(&self) -> Saved<S::Position> {
        match &self.begun {
            Some((position, read)) if !self.rows.ready.is_empty() => {
                Saved { position: position.clone(), emitted: read - self.rows.ready.len() as u64 }
            }
            _ => Saved { position: self.source.position(), emitted: self.pass_over },
        }
    }
}

impl<S: Source> Operator for FromSource<S> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if !self.rows.ready.is_empty() || self.rows.ended {
            return Poll::Ready(Ok(()));
        }
        if let Some(fatal) = self.fatal.take() {
            return Poll::Ready(Err(fatal.into()));
        }
        // Rows are taken only where none is left, so that one position is enough for all of them.
        let (position, emitted) = (self.source.position(), self.pass_over);
        while self.rows.ready.len() < ROWS && !self.rows.ended && self.fatal.is_none() {
            match self.source.poll_next(turn.context()) {
                Poll::Ready(Some(Ok(_))) if self.pass_over > 0 => self.pass_over -= 1,
                Poll::Ready(Some(Ok(row))) => self.rows.ready.push_back(row),
                Poll::Ready(Some(Err(error))) => self.fatal = Some(error),
                Poll::Ready(None) => self.rows.ended = true,
                Poll::Pending => break,
            }
        }
        self.begun = Some((position, emitted + self.rows.ready.len() as u64));
        match self.fatal.take() {
            Some(fatal) if self.rows.ready.is_empty() => Poll::Ready(Err(fatal.into())),
            fatal => {
                self.fatal = fatal;
                if self.rows.ready.is_empty() && !self.rows.ended {
                    Poll::Pending
                } else {
                    Poll::Ready(Ok(()))
                }
            }
        }
    }

    fn finish(&mut self) {}
}

impl<S: Source> Durable for FromSource<S> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let mut saved = self.saved();
        fields.value("position", &mut saved)?;
        if fields.is_loading() && !fields.is_new() {
            self.pass_over = saved.emitted;
            self.source.seek(saved.position.clone());
        }
        if fields.is_cut() || (fields.is_loading() && !fields.is_new()) {
            self.to_acknowledge = Some(saved.position);
        }
        Ok(())
    }

    fn poll_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if let Some(position) = &self.to_acknowledge {
            ready!(self.source.poll_acknowledge(turn.context(), position))?;
            self.to_acknowledge = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Source> Replays for FromSource<S> {}

impl<I: Source, S: Push<I::Row, (), ()>> Resume<(Port<S>,)> for FromSource<I> {
    #[inline]
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        self.rows.emit(out, cx)
    }
}
