//! Bytes that were fed and are not yet decoded, and their division into lines.
//!
//! Between `start` and the end of the buffer lie the bytes of records not yet given out. The first `seen` of them have
//! been looked at and hold no end of a record, so that no byte is looked at twice, however small the blocks are. What
//! lies before `start` is dropped by the next `feed`, once it is the larger part of the buffer: every byte kept and
//! moved is paid for by a byte dropped, which makes the moving linear.

use super::{Malformed, Mark};
use std::ops::Range;
use std::sync::Arc;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes of an input that wait to be decoded.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    start: usize,
    seen: usize,
    /// Whether it is known that no byte order mark begins at `start`; until then there is nothing to look at.
    past_mark: bool,
    finished: bool,
}

impl Pending {
    /// Adds a block at the end.
    pub(super) fn feed(&mut self, block: &[u8]) {
        assert!(!self.finished, "a decoder was fed after `finish`");
        if self.start * 2 >= self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(block);
        self.pass_mark();
    }

    /// Says that no more blocks come.
    pub(super) fn finish(&mut self) {
        self.finished = true;
        self.pass_mark();
    }

    /// Whether no more blocks come.
    pub(super) fn finished(&self) -> bool {
        self.finished
    }

    /// The bytes that nobody looked at.
    pub(super) fn unseen(&self) -> &[u8] {
        if !self.past_mark {
            return &[];
        }
        &self.bytes[self.start + self.seen..]
    }

    /// Whether a record has been looked at in part.
    pub(super) fn in_record(&self) -> bool {
        self.seen > 0
    }

    /// Notes that the next `count` bytes belong to the record at hand.
    pub(super) fn see(&mut self, count: usize) {
        self.seen += count;
    }

    /// Passes over everything seen, and says where it lies: see [`get`](Pending::get).
    pub(super) fn take_seen(&mut self) -> Range<usize> {
        let end = self.start + self.seen;
        let range = self.start..end;
        self.start = end;
        self.seen = 0;
        range
    }

    /// How many bytes have not been given out.
    pub(super) fn undecoded(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// What is fed next stands in the middle of the input.
    pub(super) fn resume(&mut self) {
        self.past_mark = true;
    }

    /// The bytes that were taken, valid until the next `feed`.
    pub(super) fn get(&self, taken: Range<usize>) -> &[u8] {
        &self.bytes[taken]
    }

    /// Passes over the byte order mark, if there is one and as soon as that is known.
    fn pass_mark(&mut self) {
        if self.past_mark {
            return;
        }
        let enough = self.finished || self.bytes.len() >= BYTE_ORDER_MARK.len();
        if !enough && BYTE_ORDER_MARK.starts_with(&self.bytes) {
            return;
        }
        if self.bytes.starts_with(BYTE_ORDER_MARK) {
            self.start = BYTE_ORDER_MARK.len();
        }
        self.past_mark = true;
    }
}

/// Divides pending bytes into lines.
///
/// A line ends with `\n` or `\r\n`, or with the input; a `\r` elsewhere is data. An input that ends with a terminator
/// has no empty line after it.
#[derive(Debug)]
pub(super) struct LineSplitter {
    pub(super) pending: Pending,
    file: Arc<str>,
    given: u64,
}

/// A line, without its terminator.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    number: u64,
    file: &'a Arc<str>,
}

impl LineSplitter {
    pub(super) fn new(file: Arc<str>) -> Self {
        LineSplitter { pending: Pending::default(), file, given: 0 }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { lines: self.given, ..Mark::default() }
    }

    pub(super) fn resume(&mut self, mark: &Mark) {
        self.given = mark.lines;
        self.pending.resume();
    }

    /// The next line, if all of it is there.
    pub(super) fn next_line(&mut self) -> Option<Line<'_>> {
        let unseen = self.pending.unseen();
        let terminator = memchr::memchr(b'\n', unseen);
        let length = terminator.map_or(unseen.len(), |at| at + 1);
        self.pending.see(length);
        let is_last = self.pending.finished() && self.pending.in_record();
        if terminator.is_none() && !is_last {
            return None;
        }

        self.given += 1;
        let taken = self.pending.take_seen();
        Some(Line {
            bytes: without_terminator(self.pending.get(taken)),
            number: self.given,
            file: &self.file,
        })
    }
}

impl Line<'_> {
    /// What to say of this line when it is bad.
    #[cold]
    pub(super) fn malformed(&self, reason: String) -> Malformed {
        Malformed {
            file: self.file.clone(),
            line: self.number,
            column: None,
            reason,
            raw: self.bytes.to_vec(),
        }
    }
}

fn without_terminator(line: &[u8]) -> &[u8] {
    match line {
        [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_is_used_again_rather_than_grown() {
        let mut lines = LineSplitter::new("x".into());
        for _ in 0..1_000 {
            lines.pending.feed(b"a line and the start of ");
            lines.pending.feed(b"it\nanother\nand");
            while lines.next_line().is_some() {}
        }
        assert!(lines.pending.bytes.capacity() < 256, "{lines:?}");
    }

    #[test]
    #[should_panic(expected = "fed after `finish`")]
    fn feeding_after_the_end_panics() {
        let mut pending = Pending::default();
        pending.finish();
        pending.feed(b"x");
    }
}
