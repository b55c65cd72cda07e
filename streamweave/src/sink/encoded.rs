//! Rows into a file or a pipe, through a format.

use std::marker::PhantomData;
use std::task::{Context, Poll, ready};

use serde::{Deserialize, Serialize};

use crate::envelope::Update;
use crate::format::FormatError;
use crate::io::write::{BlockWriter, Output, Revertible, WriteError};
use crate::operator::{Cause, Commits, Cx, Durable, Flush, Input, Operator, Outcome, Resume, Turn};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, Timestamp};

/// A batch is written once it fills so many bytes; what is less waits until no input is at hand.
const BLOCK: usize = 64 * 1024;

/// Appends a row to a buffer.
pub trait Encoder<D> {
    /// Appends `row` to `out`.
    ///
    /// # Errors
    ///
    /// Where the format cannot hold the row; `out` is then as it was.
    fn encode(&mut self, row: &D, out: &mut Vec<u8>) -> Result<(), FormatError>;
}

/// An encoder that can go on behind rows that were written by another one.
pub trait GoesOn {
    /// So many rows stand there already: what is written once, a header, is written no more.
    fn go_on_behind(&mut self, rows: u64);
}

/// Encodes rows on the worker, writes blocks on a thread of its own; yields the rows written.
///
/// Where the reader of a pipe goes away what comes after is dropped; where no other sink is left
/// the graph drains.
///
/// In a graph that keeps its state a file is cut to what was committed when it is opened again, and synced before a checkpoint is
/// published: what is in it at the end is what would be in it without a crash. What stands behind the committed length while the
/// graph runs may be taken back by a crash.
#[derive(Debug)]
pub struct Encoded<C, O = Output> {
    encoder: C,
    writer: BlockWriter,
    buffer: Vec<u8>,
    rows: u64,
    /// The bytes and rows that were there when it was flushed last.
    settled: (usize, u64),
    failed: Option<FormatError>,
    /// Whether the thread has been waited for.
    is_served: bool,
    closed: bool,
    /// How many bytes were sent to be written.
    sent: u64,
    /// Whether what was sent is being made durable.
    is_syncing: bool,
    output: PhantomData<fn() -> O>,
}

impl<C, O> Encoded<C, O> {
    /// A sink that begins with what is in `buffer` already.
    pub(super) fn new(output: O, encoder: C, buffer: Vec<u8>) -> Self
    where
        O: Into<Output>,
    {
        Encoded::to(output.into(), encoder, buffer)
    }

    /// The same, for an output that was looked at.
    pub(super) fn to(output: Output, encoder: C, buffer: Vec<u8>) -> Self {
        let writer = BlockWriter::new(output);
        let settled = (buffer.len(), 0);
        Encoded {
            encoder,
            writer,
            buffer,
            rows: 0,
            settled,
            failed: None,
            is_served: false,
            closed: false,
            sent: 0,
            is_syncing: false,
            output: PhantomData,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, flush: Flush) -> Poll<Result<(), WriteError>> {
        let enough = if flush == Flush::Batch { BLOCK } else { 1 };
        if self.buffer.len() >= enough {
            ready!(self.writer.poll_ready(context))?;
            let empty = self.writer.buffer();
            self.sent += self.buffer.len() as u64;
            self.writer.start_send(std::mem::replace(&mut self.buffer, empty));
        }
        if flush == Flush::Batch {
            return Poll::Ready(Ok(()));
        }
        self.writer.poll_flush(context)
    }
}

impl<C: GoesOn, O> Durable for Encoded<C, O> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        if self.writer.appends() {
            fields.begins_with_a_checkpoint();
        }
        // All that was taken has been flushed when a checkpoint is cut.
        let mut written = Written { length: self.writer.begins_at() + self.sent, rows: self.rows };
        fields.value("written", &mut written)?;
        if fields.is_loading() && !fields.is_new() {
            self.writer.go_on_behind(written.length);
            self.encoder.go_on_behind(written.rows);
            self.buffer.clear();
            self.rows = written.rows;
            self.settled = (0, written.rows);
        }
        Ok(())
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if !self.is_syncing {
            ready!(self.poll_encoded(turn, Flush::Idle))?;
            if self.closed {
                return Poll::Ready(Ok(()));
            }
            ready!(self.writer.poll_ready(turn.context()))?;
            self.writer.start_sync();
            self.is_syncing = true;
        }
        let synced = self.writer.poll_flush(turn.context());
        self.is_served = synced.is_pending();
        ready!(synced)?;
        self.is_syncing = false;
        Poll::Ready(Ok(()))
    }
}

#[diagnostic::do_not_recommend]
impl<C: GoesOn, O: Revertible> Commits for Encoded<C, O> {}

/// What belongs to a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    length: u64,
    rows: u64,
}

impl<C, O> Operator for Encoded<C, O> {
    type Yield = u64;
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        let flushed = self.poll_encoded(turn, flush);
        self.settled = (self.buffer.len(), self.rows);
        self.is_served = flushed.is_pending();
        flushed
    }

    fn is_served(&mut self) -> bool {
        self.is_served
    }

    fn abandon(&mut self) -> u64 {
        let (bytes, rows) = self.settled;
        self.buffer.truncate(bytes);
        std::mem::replace(&mut self.rows, rows) - rows
    }

    fn is_gone(&mut self) -> bool {
        self.closed
    }

    fn finish(&mut self) -> u64 {
        self.rows
    }
}

impl<C, O> Encoded<C, O> {
    /// Appends a row to what is to be written.
    #[inline(always)]
    pub(super) fn encode<D>(&mut self, row: &D)
    where
        C: Encoder<D>,
    {
        match self.encoder.encode(row, &mut self.buffer) {
            Ok(()) => self.rows += 1,
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }

    fn poll_encoded(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(error.clone().into()));
        }
        if self.closed {
            self.buffer.clear();
            return Poll::Ready(Ok(()));
        }
        match ready!(self.poll_write(turn.context(), flush)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) if error.is_broken_pipe() => {
                self.closed = true;
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

impl<C, O, Outs> Resume<Outs> for Encoded<C, O> {}

impl<D, T: Timestamp, C: Encoder<D>, O, Outs> Input<0, D, T, (), Outs> for Encoded<C, O> {
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.encode(&row.data);
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
