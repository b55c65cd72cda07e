//! The logs of large maps, sorted when they are written and merged while they are read: no log need fit into memory.
//!
//! A map gives its records as they come. What it gives is gathered, sorted and written as a *run*, some megabytes at a time
//! ([`Sorter`]), in parts of [`PART`] bytes; what is sorted as it is becomes one run, however long. The parts of a run stand in their
//! segment one behind the other, and the first of them says that it begins one.
//!
//! A merge reads all runs of a field at once, of each a block, and takes the least key each time. Of the records of a key that of the newest
//! run counts: the runs of a segment stand in it from the oldest to the newest, as segments do in a checkpoint. So a merge takes some
//! [`BLOCKS`] bytes of memory and at least a part for each run, which is a 64th of the bytes that were not merged before.

use std::cmp::Ordering;
use std::collections::binary_heap::{BinaryHeap, PeekMut};
use std::ops::Range;

use super::error::{CheckpointError, Damage};
use super::manifest::{Entry, Segment};
use crate::state::keyed_log::{self, Gathered};
use crate::state::{Content, Part};

/// A part of a run has so many bytes.
const PART: usize = 128 << 10;

/// So many bytes of all runs are read at once.
const BLOCKS: u64 = 4 << 20;

/// At most so many bytes of one run are.
const BLOCK: u64 = 1 << 20;

/// Writes a part.
pub(super) trait Sink: FnMut(&Part) -> Result<(), CheckpointError> {}

impl<F: FnMut(&Part) -> Result<(), CheckpointError>> Sink for F {}

/// A run that is being written.
#[derive(Debug)]
struct Writing {
    /// The part at hand.
    part: Part,
    /// Whether it is the first of a log that is full, and of a run.
    full: bool,
    begins: bool,
}

impl Writing {
    fn append(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        sink: &mut impl Sink,
    ) -> Result<(), CheckpointError> {
        keyed_log::append(key, value, &mut self.part.bytes);
        if self.part.bytes.len() >= PART { self.end_part(sink) } else { Ok(()) }
    }

    fn end_part(&mut self, sink: &mut impl Sink) -> Result<(), CheckpointError> {
        // One that is full says that it is, even if nothing is there.
        if self.full || !self.part.bytes.is_empty() {
            let (full, begins) = (std::mem::take(&mut self.full), std::mem::take(&mut self.begins));
            self.part.content = Content::Log { full, sorted: true, begins };
            sink(&self.part)?;
            self.part.bytes.clear();
        }
        Ok(())
    }
}

/// Sorts the records of a log that come one part after the other.
#[derive(Debug)]
pub(super) struct Sorter {
    writing: Writing,
    /// None where they come in order.
    gathered: Option<Gathered>,
    /// So many bytes are a run.
    run: usize,
}

impl Sorter {
    /// For the log that this part begins, or goes on with.
    pub(super) fn of(part: &Part, full: bool, sorted: bool, run: usize) -> Self {
        let head = Part { bytes: Vec::new(), entries: 0, ..part.clone() };
        let writing = Writing { part: head, full, begins: true };
        Sorter { writing, gathered: (!sorted).then(Gathered::default), run }
    }

    /// Whether a part goes on with what is sorted here.
    pub(super) fn goes_on_with(&self, part: &Part) -> bool {
        let Content::Log { full: false, sorted, begins: false } = part.content else { return false };
        let known = &self.writing.part;
        sorted == self.gathered.is_none()
            && (&known.node, &known.field, &known.type_name) == (&part.node, &part.field, &part.type_name)
    }

    /// Adds the records of a part; `None` where its bytes are none.
    pub(super) fn add(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl Sink,
    ) -> Option<Result<(), CheckpointError>> {
        while !bytes.is_empty() {
            let (key, value) = keyed_log::read(&mut bytes)?;
            let added = match &mut self.gathered {
                None => self.writing.append(key, value, sink),
                Some(gathered) => {
                    gathered.append(key, value);
                    if gathered.bytes() >= self.run { self.end_run(sink) } else { Ok(()) }
                }
            };
            if added.is_err() {
                return Some(added);
            }
        }
        Some(Ok(()))
    }

    fn end_run(&mut self, sink: &mut impl Sink) -> Result<(), CheckpointError> {
        if let Some(gathered) = &mut self.gathered
            && !gathered.is_empty()
        {
            self.writing.begins = true;
            for (key, value) in gathered.sorted() {
                self.writing.append(key, value, sink)?;
            }
            gathered.clear();
        }
        self.writing.end_part(sink)
    }

    /// Writes what is left.
    pub(super) fn end(mut self, sink: &mut impl Sink) -> Result<(), CheckpointError> {
        self.end_run(sink)
    }
}

/// Reads bytes of a segment.
pub(super) trait Source {
    /// These bytes, or why not.
    fn bytes(&self, segment: &Segment, range: Range<u64>) -> Result<Vec<u8>, CheckpointError>;

    /// What is wrong with a segment.
    fn damaged(&self, segment: &Segment, damage: Damage) -> CheckpointError;

    /// The bytes of parts that stand side by side, found as they were written.
    fn parts(&self, segment: &Segment, parts: &[Entry]) -> Result<Vec<u8>, CheckpointError> {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Ok(Vec::new()) };
        let bytes = self.bytes(segment, first.offset..last.offset + last.length)?;
        let mut rest = &bytes[..];
        for part in parts {
            let length = usize::try_from(part.length).unwrap_or(usize::MAX);
            let Some((own, others)) = rest.split_at_checked(length) else {
                return Err(self.damaged(segment, Damage::Truncated));
            };
            if crc32fast::hash(own) != part.crc {
                return Err(self.damaged(segment, Damage::Checksum));
            }
            rest = others;
        }
        Ok(bytes)
    }
}

/// How many of the parts stand side by side at the beginning, and have no more bytes than these; one may have more.
pub(super) fn first_block(parts: &[Entry], most: u64) -> usize {
    let Some(first) = parts.first() else { return 0 };
    let goes_on = |pair: &&[Entry]| {
        let end = pair[0].offset + pair[0].length;
        end == pair[1].offset && pair[1].offset + pair[1].length - first.offset <= most
    };
    1 + parts.windows(2).take_while(goes_on).count()
}

/// The logs of one field.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// From the oldest to the newest.
    runs: Vec<Run>,
    /// Whether they say of every key what there is.
    full: bool,
}

/// A run that is read.
#[derive(Debug)]
struct Run {
    segment: Segment,
    parts: Vec<Entry>,
    /// How many of the parts were read.
    read: usize,
    /// Parts that were not sorted when they were written, as those of files of before there were runs.
    gathered: Option<Gathered>,
    bytes: Vec<u8>,
    /// Where the record at hand begins in the bytes, and where it ends.
    at: usize,
    end: usize,
}

impl Run {
    fn of(segment: &Segment) -> Self {
        let (segment, bytes) = (segment.clone(), Vec::new());
        Run { segment, parts: Vec::new(), read: 0, gathered: None, bytes, at: 0, end: 0 }
    }

    /// Goes to the next record, if there is one.
    fn advance(&mut self, source: &impl Source, block: u64) -> Result<bool, CheckpointError> {
        while self.end == self.bytes.len() {
            let unread = &self.parts[self.read..];
            let some = &unread[..first_block(unread, block)];
            if some.is_empty() {
                return Ok(false);
            }
            // Two blocks would be in memory else.
            self.bytes = Vec::new();
            self.bytes = source.parts(&self.segment, some)?;
            self.end = 0;
            self.read += some.len();
        }
        let mut rest = &self.bytes[self.end..];
        keyed_log::read(&mut rest).ok_or_else(|| no_log(source, &self.segment))?;
        (self.at, self.end) = (self.end, self.bytes.len() - rest.len());
        Ok(true)
    }

    fn record(&self) -> (&[u8], Option<&[u8]>) {
        keyed_log::read(&mut &self.bytes[self.at..]).expect("it was read before")
    }

    fn key(&self) -> &[u8] {
        self.record().0
    }
}

/// The key at which a run is. The greatest is the one to be taken: the least key, and of equal ones that of the newest run.
#[derive(Debug, PartialEq, Eq)]
struct Next {
    key: Vec<u8>,
    run: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key).then(self.run.cmp(&other.run))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Logs {
    /// Adds the next part, which is a log.
    pub(super) fn add(
        &mut self,
        source: &impl Source,
        segment: &Segment,
        part: &Entry,
    ) -> Result<(), CheckpointError> {
        let Content::Log { full, sorted, begins } = part.content else { return Ok(()) };
        if full {
            self.runs.clear();
            self.full = true;
        }
        let goes_on = |run: &Run| run.segment == *segment && run.gathered.is_none() == sorted && !begins;
        if !self.runs.last().is_some_and(goes_on) {
            self.runs.push(Run::of(segment));
        }
        let run = self.runs.last_mut().expect("there is one");
        if sorted {
            run.parts.push(part.clone());
            return Ok(());
        }
        let bytes = source.parts(segment, std::slice::from_ref(part))?;
        let gathered = run.gathered.get_or_insert_default();
        gathered.append_all(&bytes).ok_or_else(|| no_log(source, segment))
    }

    /// Writes what they come to, in the order of the keys; where they say all, without what was removed.
    pub(super) fn merge(
        mut self,
        source: &impl Source,
        head: &Part,
        sink: &mut impl Sink,
    ) -> Result<(), CheckpointError> {
        let mut writing = Writing { part: head.clone(), full: self.full, begins: true };
        let block = (BLOCKS / self.runs.len().max(1) as u64).min(BLOCK);
        let mut next = BinaryHeap::with_capacity(self.runs.len());
        for (number, run) in self.runs.iter_mut().enumerate() {
            if let Some(mut gathered) = run.gathered.take() {
                gathered.sorted().for_each(|(key, value)| keyed_log::append(key, value, &mut run.bytes));
            }
            if run.advance(source, block)? {
                next.push(Next { key: run.key().to_vec(), run: number });
            }
        }
        // The last key that was taken.
        let mut last: Option<Vec<u8>> = None;
        while let Some(mut least) = next.peek_mut() {
            let run = &mut self.runs[least.run];
            if last.as_ref() != Some(&least.key) {
                let (key, value) = run.record();
                if !self.full || value.is_some() {
                    writing.append(key, value, sink)?;
                }
                last.get_or_insert_default().clone_from(&least.key);
            }
            if !run.advance(source, block)? {
                PeekMut::pop(least);
                continue;
            }
            if run.key() <= &least.key[..] {
                let reason = "the keys of a log are not in order".to_owned();
                return Err(source.damaged(&run.segment, Damage::Unreadable { reason }));
            }
            least.key.clear();
            least.key.extend_from_slice(run.key());
        }
        writing.end_part(sink)
    }
}

fn no_log<S: Source>(source: &S, segment: &Segment) -> CheckpointError {
    let reason = "a part is no part of a map".to_owned();
    source.damaged(segment, Damage::Unreadable { reason })
}
