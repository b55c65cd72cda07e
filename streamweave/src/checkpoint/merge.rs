//! The logs of a large map, merged while they are read: all of its entries need not fit into memory.
//!
//! The parts of a field stand in their segments from the oldest to the newest. Parts that are sorted and follow each other in a segment
//! are a *run*, of which a block is in memory at a time: what a merge has written, or a cut that holds everything. What stands between two
//! runs was written as it changed, and is gathered in memory: it is what has changed in some eight checkpoints, and has to fit. Of the records of
//! a key that of the newest run counts.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, IntoIter};
use std::iter::Peekable;
use std::ops::Range;

use super::error::{CheckpointError, Damage};
use super::manifest::{Entry, Segment};
use crate::state::keyed_log;

/// So many bytes of a run are read at once, where its parts stand side by side.
const BLOCK: u64 = 1 << 20;

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

/// A key, and its value unless it was removed.
type Record = (Vec<u8>, Option<Vec<u8>>);

/// The logs of one field.
#[derive(Debug, Default)]
pub(super) struct Logs {
    runs: Vec<Run>,
    /// Whether they say of every key what there is.
    pub(super) full: bool,
}

#[derive(Debug)]
enum Run {
    Sorted { segment: Segment, parts: VecDeque<Entry>, bytes: Vec<u8>, at: usize },
    Gathered(BTreeMap<Vec<u8>, Option<Vec<u8>>>),
    Given(IntoIter<Vec<u8>, Option<Vec<u8>>>),
}

impl Logs {
    /// Adds the next part, which is full or not, and sorted or not.
    pub(super) fn add(
        &mut self,
        source: &impl Source,
        segment: &Segment,
        part: &Entry,
        (full, sorted): (bool, bool),
    ) -> Result<(), CheckpointError> {
        if full {
            self.runs.clear();
            self.full = true;
        }
        match self.runs.last_mut() {
            Some(Run::Sorted { segment: of, parts, .. }) if sorted && of == segment => {
                parts.push_back(part.clone());
            }
            _ if sorted => self.runs.push(Run::Sorted {
                segment: segment.clone(),
                parts: VecDeque::from([part.clone()]),
                bytes: Vec::new(),
                at: 0,
            }),
            last => {
                let bytes = source.parts(segment, std::slice::from_ref(part))?;
                let mut new = BTreeMap::new();
                let gathered = match last {
                    Some(Run::Gathered(gathered)) => gathered,
                    _ => &mut new,
                };
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (key, value) = keyed_log::read(&mut rest).ok_or_else(|| no_log(source, segment))?;
                    gathered.insert(key.to_vec(), value.map(<[u8]>::to_vec));
                }
                if !new.is_empty() {
                    self.runs.push(Run::Gathered(new));
                }
            }
        }
        Ok(())
    }

    /// What they come to, in the order of the keys; where they say all, without what was removed.
    pub(super) fn merged<S: Source>(
        self,
        source: &S,
    ) -> impl Iterator<Item = Result<Record, CheckpointError>> {
        let is_all = self.full;
        let given = |run| match run {
            Run::Gathered(gathered) => Run::Given(gathered.into_iter()),
            run => run,
        };
        let mut runs: Vec<Peekable<_>> = self
            .runs
            .into_iter()
            .map(|run| {
                let mut run = given(run);
                std::iter::from_fn(move || run.next(source).transpose()).peekable()
            })
            .collect();
        std::iter::from_fn(move || next_of(&mut runs, is_all).transpose())
    }
}

fn no_log<S: Source>(source: &S, segment: &Segment) -> CheckpointError {
    let reason = "a part is no part of a map".to_owned();
    source.damaged(segment, Damage::Unreadable { reason })
}

/// The least key of all runs, as the newest has it.
fn next_of<I: Iterator<Item = Result<Record, CheckpointError>>>(
    runs: &mut [Peekable<I>],
    is_all: bool,
) -> Result<Option<Record>, CheckpointError> {
    loop {
        let mut least: Option<(usize, Vec<u8>)> = None;
        for (at, run) in runs.iter_mut().enumerate() {
            let key = match run.peek() {
                None => continue,
                Some(Err(_)) => return run.next().transpose(),
                Some(Ok((key, _))) => key,
            };
            match &mut least {
                None => least = Some((at, key.clone())),
                // Of equal ones the one behind is newer.
                Some((newest, least)) if key <= least => {
                    *newest = at;
                    least.clone_from(key);
                }
                Some(_) => {}
            }
        }
        let Some((newest, key)) = least else { return Ok(None) };
        let mut record = None;
        for (at, run) in runs.iter_mut().enumerate() {
            if let Some(Ok(found)) = run.next_if(|next| next.as_ref().is_ok_and(|(other, _)| *other == key))
                && at == newest
            {
                record = Some(found);
            }
        }
        if record.as_ref().is_some_and(|(_, value)| value.is_some() || !is_all) {
            return Ok(record);
        }
    }
}

impl Run {
    fn next(&mut self, source: &impl Source) -> Result<Option<Record>, CheckpointError> {
        match self {
            Run::Gathered(_) => unreachable!("it was given over"),
            Run::Given(records) => Ok(records.next()),
            Run::Sorted { segment, parts, bytes, at } => {
                while *at == bytes.len() {
                    let Some(first) = parts.pop_front() else { return Ok(None) };
                    let (mut block, mut end) = (vec![first], 0);
                    while let Some(next) = parts.front()
                        && end < BLOCK
                        && block.last().is_some_and(|last| last.offset + last.length == next.offset)
                    {
                        end += next.length;
                        block.extend(parts.pop_front());
                    }
                    (*bytes, *at) = (source.parts(segment, &block)?, 0);
                }
                let mut rest = &bytes[*at..];
                let (key, value) = keyed_log::read(&mut rest).ok_or_else(|| no_log(source, segment))?;
                let record = (key.to_vec(), value.map(<[u8]>::to_vec));
                *at = bytes.len() - rest.len();
                Ok(Some(record))
            }
        }
    }
}
