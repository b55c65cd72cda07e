//! What a checkpoint consists of, and how it stands in files.
//!
//! A *segment* holds parts of the state, one after the other, and behind them a directory that says where each is. A *manifest* names the
//! segments of a checkpoint, from the oldest to the newest, and is written last: a checkpoint is there if its manifest is.
//!
//! ```text
//! segment  := "SWSEG" version:u8 part* directory:MessagePack trailer
//! trailer  := offset of the directory:u64 crc of it:u32 "SWEND"          little-endian
//! manifest := "SWCKP" version:u8 crc:u32 body:MessagePack
//! ```
//!
//! The version is that of the format; [`Checkpoints`](super::Checkpoints) read this one and all before it (rule H14).

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::error::Damage;
use crate::state::{Content, Part};
use crate::time::ProcessingTime;

/// The version of the format that is written.
pub const VERSION: u8 = 1;

const SEGMENT: &[u8] = b"SWSEG";
const TRAILER: &[u8] = b"SWEND";
const MANIFEST: &[u8] = b"SWCKP";

/// A checkpoint: what it is of, and where its parts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Checkpoints of a graph are numbered from 1.
    pub number: u64,
    /// Why it was taken.
    pub kind: Kind,
    /// The graph's name, where it has one.
    pub graph: Option<String>,
    /// The nodes of the graph that keep something.
    pub nodes: BTreeSet<String>,
    /// The sources that had ended.
    pub ended: BTreeSet<String>,
    /// The maps by key, by node and field.
    pub maps: Vec<(String, String)>,
    /// How many batches had been run.
    pub batches: u64,
    /// When it was cut.
    pub cut_at: ProcessingTime,
    /// Among how many key groups keys are divided.
    pub key_groups: u16,
    /// The segments, the oldest first.
    pub segments: Vec<Segment>,
}

/// Why a checkpoint was taken, and whether a graph can go on from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// In passing; it is removed when there are enough newer ones.
    Periodic,
    /// Because it was asked for, under this name; it is kept.
    Savepoint(String),
    /// Every source had ended: there is nothing more to do.
    Finished,
    /// The graph was drained: its windows have fired before their time, and nothing can go on from here (rule J7).
    Drained,
}

/// A file of parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its name in the storage.
    pub name: String,
    /// Its size in bytes.
    pub length: u64,
}

/// What stands behind the parts of a segment. Names stand in it once.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Directory {
    /// Node, field and type.
    fields: Vec<(String, String, String)>,
    /// Which field, what it is, where its bytes begin, how many they are, and their checksum.
    parts: Vec<(u32, Content, u64, u64, u32)>,
}

/// Where a part stands in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The node.
    pub node: String,
    /// The field.
    pub field: String,
    /// The type, for people.
    pub type_name: String,
    /// What it is.
    pub content: Content,
    /// Where its bytes begin.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// Their checksum.
    pub crc: u32,
}

impl Entry {
    /// The bytes of the part in its segment.
    pub fn range(&self) -> Range<usize> {
        let at = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        at(self.offset)..at(self.offset.saturating_add(self.length))
    }

    /// The part without its bytes.
    pub fn head(&self) -> Part {
        let Entry { node, field, type_name, content, .. } = self;
        let (node, field, type_name) = (node.clone(), field.clone(), type_name.clone());
        Part { node, field, type_name, content: *content, entries: 0, bytes: Vec::new() }
    }
}

/// A segment that is being written.
#[derive(Debug, Default)]
pub(super) struct SegmentDraft {
    directory: Directory,
    offset: u64,
}

impl SegmentDraft {
    /// What stands before the first part.
    pub(super) fn begin(&mut self) -> Vec<u8> {
        let mut bytes = SEGMENT.to_vec();
        bytes.push(VERSION);
        self.offset = bytes.len() as u64;
        bytes
    }

    /// Enters a part, whose bytes follow.
    pub(super) fn enter(&mut self, part: &Part) {
        let Part { node, field, type_name, content, bytes, .. } = part;
        let fields = &mut self.directory.fields;
        let is_it =
            |known: &(String, String, String)| known.0 == *node && known.1 == *field && known.2 == *type_name;
        // The parts of a field come one after the other.
        let number = match fields.last().is_some_and(is_it) {
            true => fields.len() - 1,
            false => fields.iter().position(is_it).unwrap_or_else(|| {
                fields.push((node.clone(), field.clone(), type_name.clone()));
                fields.len() - 1
            }),
        };
        let (number, length) = (number as u32, bytes.len() as u64);
        self.directory.parts.push((number, *content, self.offset, length, crc32fast::hash(bytes)));
        self.offset += length;
    }

    /// What stands behind the last part.
    pub(super) fn end(&self) -> Vec<u8> {
        let mut bytes =
            rmp_serde::to_vec(&self.directory).expect("it has no maps without lengths and refuses nothing");
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.extend_from_slice(TRAILER);
        bytes
    }
}

/// The directory of a segment, once its bytes and those of every part are found as they were written.
pub(super) fn read_segment(bytes: &[u8]) -> Result<Vec<Entry>, Damage> {
    let entries = read_directory(bytes)?;
    for entry in &entries {
        let part = bytes.get(entry.range()).ok_or(Damage::Truncated)?;
        if crc32fast::hash(part) != entry.crc {
            return Err(Damage::Checksum);
        }
    }
    Ok(entries)
}

fn read_directory(bytes: &[u8]) -> Result<Vec<Entry>, Damage> {
    let head = bytes.get(..HEAD).ok_or(Damage::Truncated)?;
    let trailer = bytes.len().checked_sub(TAIL).ok_or(Damage::Truncated)?;
    let (range, crc) = find_directory(head, &bytes[trailer..], bytes.len() as u64)?;
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    parse_directory(bytes.get(at(range.start)..at(range.end)).ok_or(Damage::Checksum)?, crc)
}

/// What of a segment says where its directory is: so many bytes at its beginning, and at its end.
pub(super) const HEAD: usize = SEGMENT.len() + 1;
pub(super) const TAIL: usize = 8 + 4 + TRAILER.len();

/// Where the directory is in a segment of this length, and its checksum.
pub(super) fn find_directory(head: &[u8], tail: &[u8], length: u64) -> Result<(Range<u64>, u32), Damage> {
    check_version(head, SEGMENT)?;
    let (offset, rest) = tail.split_at(8);
    let (crc, end) = rest.split_at(4);
    if end != TRAILER {
        return Err(Damage::Truncated);
    }
    let offset = u64::from_le_bytes(offset.try_into().expect("eight bytes"));
    let crc = u32::from_le_bytes(crc.try_into().expect("four bytes"));
    let end = length - TAIL as u64;
    if offset > end { Err(Damage::Checksum) } else { Ok((offset..end, crc)) }
}

/// The entries of a directory of this checksum.
pub(super) fn parse_directory(directory: &[u8], crc: u32) -> Result<Vec<Entry>, Damage> {
    if crc32fast::hash(directory) != crc {
        return Err(Damage::Checksum);
    }
    let Directory { fields, parts } = from_bytes(directory)?;
    let entry = |(number, content, offset, length, crc): (u32, Content, u64, u64, u32)| {
        let (node, field, type_name) = fields.get(number as usize).ok_or(Damage::Checksum)?.clone();
        Ok(Entry { node, field, type_name, content, offset, length, crc })
    };
    parts.into_iter().map(entry).collect()
}

impl Manifest {
    /// As it stands in its file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let body = to_bytes(self);
        let mut bytes = MANIFEST.to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    /// Reads it from its file.
    ///
    /// # Errors
    ///
    /// The bytes are none, or of a newer version.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Damage> {
        let (head, rest) = bytes.split_at_checked(MANIFEST.len() + 1).ok_or(Damage::Truncated)?;
        check_version(head, MANIFEST)?;
        let (crc, body) = rest.split_at_checked(4).ok_or(Damage::Truncated)?;
        if crc32fast::hash(body) != u32::from_le_bytes(crc.try_into().expect("four bytes")) {
            return Err(Damage::Checksum);
        }
        from_bytes(body)
    }
}

fn check_version(head: &[u8], magic: &[u8]) -> Result<(), Damage> {
    let (name, version) = head.split_at(magic.len());
    match version[0] {
        _ if name != magic => Err(Damage::Foreign),
        0 => Err(Damage::Foreign),
        1..=VERSION => Ok(()),
        version => Err(Damage::Newer { version }),
    }
}

fn to_bytes<V: Serialize>(value: &V) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("it has no maps without lengths and refuses nothing")
}

fn from_bytes<V: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<V, Damage> {
    rmp_serde::from_slice(bytes).map_err(|error| Damage::Unreadable { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn h14_a_log_of_before_there_were_runs_begins_none() {
        // As it stood in a directory: by name, and its fields in their order.
        let before = rmp_serde::to_vec(&BTreeMap::from([("Log", (true, false))])).expect("numbers");
        let content: Content = from_bytes(&before).expect("it can be read");
        assert_eq!(content, Content::Log { full: true, sorted: false, begins: false });
        let begins = Content::Log { full: false, sorted: true, begins: true };
        let bytes = rmp_serde::to_vec(&begins).expect("numbers");
        assert_eq!(from_bytes::<Content>(&bytes), Ok(begins));
    }
}
