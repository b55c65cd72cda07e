//! Rows into a file or a pipe, through a format.

use std::task::{Context, Poll, ready};

use crate::envelope::Update;
use crate::format::FormatError;
use crate::io::write::{BlockWriter, Output, WriteError};
use crate::operator::{Cause, Cx, Flush, Input, Operator, Outcome, Resume, Turn};
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

/// Encodes rows on the worker, writes blocks on a thread of its own; yields the rows written.
///
/// Where the reader of a pipe goes away what comes after is dropped; where no other sink is left
/// the graph drains.
#[derive(Debug)]
pub struct Encoded<C> {
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
}

impl<C> Encoded<C> {
    /// A sink that begins with what is in `buffer` already.
    pub(super) fn new(output: Output, encoder: C, buffer: Vec<u8>) -> Self {
        let writer = BlockWriter::new(output);
        let settled = (buffer.len(), 0);
        Encoded { encoder, writer, buffer, rows: 0, settled, failed: None, is_served: false, closed: false }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, flush: Flush) -> Poll<Result<(), WriteError>> {
        let enough = if flush == Flush::Batch { BLOCK } else { 1 };
        if self.buffer.len() >= enough {
            ready!(self.writer.poll_ready(context))?;
            let empty = self.writer.buffer();
            self.writer.start_send(std::mem::replace(&mut self.buffer, empty));
        }
        if flush == Flush::Batch {
            return Poll::Ready(Ok(()));
        }
        self.writer.poll_flush(context)
    }
}

impl<C> Operator for Encoded<C> {
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

impl<C> Encoded<C> {
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

impl<C, Outs> Resume<Outs> for Encoded<C> {}

impl<D, T: Timestamp, C: Encoder<D>, Outs> Input<0, D, T, (), Outs> for Encoded<C> {
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.encode(&row.data);
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}
