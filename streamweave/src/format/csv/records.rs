//! The division of bytes into records of unquoted fields.
//!
//! Promises every record once, whatever the blocks, with the line on which it starts and its bytes as they stood in the
//! input. `\n`, `\r\n` and a lone `\r` end a record (a lone `\r` does not end a line), outside quotes; blank lines are
//! no records. Relies on `csv_core`, a state machine that takes its input in pieces and finds a parse for any bytes;
//! all that it cannot tell is that a quote was never closed, see [`Records::close_last`].

use crate::format::pending::Pending;
use csv::ByteRecord;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::ops::Range;

/// The records of an input.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) pending: Pending,
    core: Reader,
    /// The line on which the record at hand starts.
    line: u64,
    fields: Fields,
}

/// The fields of the record at hand, end to end, quotes taken off. The buffers keep their largest size.
#[derive(Debug, Default)]
struct Fields {
    bytes: Vec<u8>,
    bytes_used: usize,
    ends: Vec<usize>,
    ends_used: usize,
}

/// A record, until the next one is asked for.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// The line on which it starts, from 1.
    pub(super) line: u64,
    /// Its bytes in the input, without the terminator.
    pub(super) raw: &'a [u8],
    /// Whether all its quotes are closed.
    pub(super) closed: bool,
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl Record<'_> {
    /// The number of its fields.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Replaces what is in `record` by the fields.
    pub(super) fn copy_to(&self, record: &mut ByteRecord) {
        record.clear();
        let mut start = 0;
        for &end in self.ends {
            record.push_field(&self.bytes[start..end]);
            start = end;
        }
    }
}

impl Records {
    pub(super) fn new(delimiter: u8) -> Self {
        let mut core = ReaderBuilder::new().delimiter(delimiter).build();
        // A call without room does nothing but turn off `csv_core`'s own search for a byte order mark, which depends on
        // the blocks; `Pending` has passed the mark.
        core.read_record(b" ", &mut [], &mut []);
        Records { pending: Pending::default(), core, line: 1, fields: Fields::default() }
    }

    /// The next record, if all of it is there.
    pub(super) fn next_record(&mut self) -> Option<Record<'_>> {
        if !self.pending.in_record() {
            self.skip_line_breaks();
            self.line = self.core.line();
        }
        if self.read_unseen() {
            let taken = self.pending.take_seen();
            return Some(self.record(taken.start..taken.end - 1, true));
        }
        if !self.pending.finished() || !self.pending.in_record() {
            return None;
        }
        let closed = self.close_last();
        let taken = self.pending.take_seen();
        Some(self.record(taken, closed))
    }

    /// The line on which the next record starts, or the one at hand.
    pub(super) fn line(&self) -> u64 {
        if self.pending.in_record() { self.line } else { self.core.line() }
    }

    /// What is fed next begins on this line.
    pub(super) fn resume(&mut self, line: u64) {
        self.core.set_line(line);
        self.pending.resume();
    }

    /// Whether no record can come any more.
    pub(super) fn ended(&self) -> bool {
        self.pending.finished() && self.pending.unseen().is_empty()
    }

    /// Passes over blank lines, and over the `\n` of the `\r\n` that ended the last record.
    fn skip_line_breaks(&mut self) {
        let unseen = self.pending.unseen();
        let breaks = unseen.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let (skipped, lines) =
            breaks.fold((0, 0), |(skipped, lines), &byte| (skipped + 1, lines + u64::from(byte == b'\n')));
        self.core.set_line(self.core.line() + lines);
        self.pending.see(skipped);
        self.pending.take_seen();
    }

    /// Reads on to the end of the record or of the bytes, and says whether the record ended.
    fn read_unseen(&mut self) -> bool {
        loop {
            let unseen = self.pending.unseen();
            if unseen.is_empty() {
                return false;
            }
            let (result, read) = self.fields.read(&mut self.core, unseen);
            self.pending.see(read);
            match result {
                ReadRecordResult::Record => return true,
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return false,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
    }

    /// Ends the last record, which no terminator follows, by a terminator of our own; `false` if that is swallowed by
    /// quotes.
    fn close_last(&mut self) -> bool {
        let (result, _) = self.fields.read(&mut self.core, b"\n");
        matches!(result, ReadRecordResult::Record)
    }

    fn record(&mut self, raw: Range<usize>, closed: bool) -> Record<'_> {
        let (bytes, ends) = self.fields.take();
        Record { line: self.line, raw: self.pending.get(raw), closed, bytes, ends }
    }
}

impl Fields {
    /// Lets `core` read from `input` behind what is there, with room for at least one byte and one end.
    fn read(&mut self, core: &mut Reader, input: &[u8]) -> (ReadRecordResult, usize) {
        make_room(&mut self.bytes, self.bytes_used, 1024);
        make_room(&mut self.ends, self.ends_used, 32);
        let (result, read, bytes, ends) =
            core.read_record(input, &mut self.bytes[self.bytes_used..], &mut self.ends[self.ends_used..]);
        self.bytes_used += bytes;
        self.ends_used += ends;
        (result, read)
    }

    /// The fields read, and starts anew.
    fn take(&mut self) -> (&[u8], &[usize]) {
        let bytes = &self.bytes[..std::mem::take(&mut self.bytes_used)];
        let ends = &self.ends[..std::mem::take(&mut self.ends_used)];
        (bytes, ends)
    }
}

/// Doubles `buffer` if it is used up.
fn make_room<T: Copy + Default>(buffer: &mut Vec<T>, used: usize, least: usize) {
    if used == buffer.len() {
        buffer.resize((2 * used).max(least), T::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of a test.
    #[derive(Debug, PartialEq)]
    struct Read {
        line: u64,
        fields: Vec<String>,
        raw: String,
        closed: bool,
    }

    fn read_all(input: &[u8]) -> Vec<Read> {
        let mut records = Records::new(b',');
        records.pending.feed(input);
        records.pending.finish();
        let mut all = Vec::new();
        let mut fields = ByteRecord::new();
        while let Some(record) = records.next_record() {
            record.copy_to(&mut fields);
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            all.push(Read {
                line: record.line,
                fields: fields.iter().map(text).collect(),
                raw: text(record.raw),
                closed: record.closed,
            });
        }
        assert!(records.ended());
        all
    }

    #[test]
    fn record_knows_its_line_and_its_bytes() {
        let all = read_all(b"\r\n\na,\"b\n\"\"c\"\"\"\r\n\r\n1,\r2,3");
        let expected =
            [(3, ["a", "b\n\"c\""], "a,\"b\n\"\"c\"\"\""), (6, ["1", ""], "1,"), (6, ["2", "3"], "2,3")];
        let expected = expected.map(|(line, fields, raw)| Read {
            line,
            fields: fields.map(String::from).into(),
            raw: raw.to_owned(),
            closed: true,
        });
        assert_eq!(all, expected);
    }

    /// The records that the `csv` crate finds in `input`.
    fn oracle(input: &[u8]) -> Vec<Vec<String>> {
        let mut builder = csv::ReaderBuilder::new();
        builder
            .has_headers(false)
            .flexible(true)
            .from_reader(input)
            .into_records()
            .map(|record| record.expect("ASCII").iter().map(String::from).collect())
            .collect()
    }

    #[test]
    fn agrees_with_the_csv_crate_on_all_short_inputs() {
        const ALPHABET: &[u8] = b"a,\"\n\r";
        for number in 0..ALPHABET.len().pow(5) {
            let digits = (0..5).map(|at| number / ALPHABET.len().pow(at) % ALPHABET.len());
            let input: Vec<u8> = digits.map(|digit| ALPHABET[digit]).collect();
            let (found, mut expected) = (read_all(&input), oracle(&input));
            let closed: Vec<_> = found.iter().filter(|record| record.closed).collect();
            if closed.len() < found.len() {
                assert!(input.contains(&b'"'));
                expected.pop();
            }
            let closed: Vec<_> = closed.into_iter().map(|record| record.fields.clone()).collect();
            assert_eq!(closed, expected, "{:?}", String::from_utf8_lossy(&input));
        }
    }

    #[test]
    fn large_records_grow_the_buffers() {
        let wide = vec!["x".repeat(100); 1_000];
        let all = read_all(wide.join(",").as_bytes());
        assert_eq!(all[0].fields, wide);
    }
}
