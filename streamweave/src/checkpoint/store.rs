//! The checkpoints in a storage: how they are written, found, kept and removed.
//!
//! # Protocol
//!
//! | step | what is there | a crash behind it leaves |
//! |---|---|---|
//! | [`write`](Store::write) parts | a segment that is not published | nothing: it has no name |
//! | [`publish`](Store::publish): the segment | a segment that no manifest names | nothing: it is removed when the store is opened |
//! | [`publish`](Store::publish): the manifest | the checkpoint | the checkpoint |
//! | [`tidy`](Store::tidy): merged segments, then removals | segments that no manifest names | the same |
//!
//! A restore may fall back behind checkpoints that are damaged, or go back to a savepoint. Those that are newer belong to a past that did not
//! go on: they are removed once the first checkpoint behind the restored one is published, so that none of them is ever fallen back to.
//!
//! A checkpoint consists of the segments of those before it and one more, so that what is written follows what has changed. Segments of
//! like size are merged when there are many of them: each byte is written again a logarithmic number of times. The logs of maps that are
//! larger than memory are [sorted](super::merge) as they are written, merged block by block, and left where they are by a restore until
//! the map is loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::Range;

use super::error::{CheckpointError, Damage};
use super::manifest::{
    Entry, HEAD, Kind, Manifest, Segment, SegmentDraft, TAIL, find_directory, parse_directory, read_segment,
};
use super::merge::{Logs, Sorter, Source, first_block};
use super::storage::{Object, Storage};
use super::unread::{Files, SMALL};
use crate::state::keyed_log::RUN;
use crate::state::records::Slots;
use crate::state::{Content, Loading, Part};

const MANIFESTS: &str = "checkpoints";
const SEGMENTS: &str = "segments";

/// More segments than these are merged.
const MANY: usize = 8;

/// The checkpoints in a storage.
#[derive(Debug)]
pub(crate) struct Store {
    files: Files,
    keep: usize,
    manifests: BTreeMap<u64, Manifest>,
    /// The segments of the last checkpoint that was restored or published.
    chain: Vec<Segment>,
    open: Option<Open>,
    /// What is written of a log once it is sorted.
    sorter: Option<Sorter>,
    /// So many bytes of a log are sorted at a time.
    run: usize,
    next_segment: u64,
    /// The greatest number that a manifest has, be it damaged or not.
    last_number: u64,
    /// Manifests that cannot be read.
    unreadable: BTreeSet<u64>,
    /// Manifests that are newer than what was restored, and no savepoints.
    abandoned: BTreeSet<u64>,
    /// A segment of the chain was found to be damaged: nothing may be built on it.
    broken: Option<CheckpointError>,
    /// How many entries were written of the checkpoint at hand.
    entries: u64,
}

/// A segment that is being written.
type Open = (SegmentDraft, Box<dyn Object>, Segment);

/// What has been published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The number of the checkpoint.
    pub number: u64,
    /// How many bytes were written for it, without those of merging.
    pub bytes: u64,
    /// How many entries of maps were written.
    pub entries: u64,
}

impl Store {
    /// Takes a storage, looks what is there, and removes what belongs to no checkpoint.
    pub(crate) fn open(
        mut storage: Box<dyn Storage>,
        name: String,
        keep: usize,
    ) -> Result<Self, CheckpointError> {
        let failed = |action, object: &str, source| CheckpointError::Storage {
            action,
            name: object.to_owned(),
            storage: name.clone(),
            source,
        };
        if !storage.lock().map_err(|error| failed("lock", "LOCK", error))? {
            return Err(CheckpointError::Locked { storage: name });
        }
        let mut store = Store::unlocked(storage, name, keep)?;
        // Where a manifest is damaged its segments are left alone.
        if store.find(None)?.1.is_none() {
            store.remove_unnamed()?;
        }
        let named = store.manifests.values().flat_map(|manifest| &manifest.segments);
        let newest = named.filter_map(|segment| number_of(segment.name.strip_prefix(SEGMENTS)?)).max();
        store.next_segment = store.next_segment.max(newest.unwrap_or(0) + 1);
        Ok(store)
    }

    /// Looks what is there, and touches nothing.
    pub(crate) fn unlocked(
        storage: Box<dyn Storage>,
        name: String,
        keep: usize,
    ) -> Result<Self, CheckpointError> {
        let mut store = Store {
            files: Files::new(storage, name),
            keep: keep.max(1),
            manifests: BTreeMap::new(),
            chain: Vec::new(),
            open: None,
            sorter: None,
            run: RUN,
            next_segment: 1,
            last_number: 0,
            unreadable: BTreeSet::new(),
            abandoned: BTreeSet::new(),
            broken: None,
            entries: 0,
        };
        let segments = store.list(SEGMENTS)?;
        store.next_segment = segments.iter().filter_map(|name| number_of(name)).max().unwrap_or(0) + 1;
        Ok(store)
    }

    fn failed(&self, action: &'static str, object: &str, source: io::Error) -> CheckpointError {
        self.files.failed(action, object, source)
    }

    fn damaged(&self, object: &str, damage: Damage) -> CheckpointError {
        self.files.damaged(object, damage)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, CheckpointError> {
        let mut names =
            self.files.storage().list(folder).map_err(|error| self.failed("list", folder, error))?;
        names.sort_unstable();
        Ok(names)
    }

    /// The checkpoints by their numbers, and which of them are damaged.
    fn find(
        &mut self,
        below: Option<u64>,
    ) -> Result<(Option<u64>, Option<CheckpointError>), CheckpointError> {
        let mut damage = None;
        for name in self.list(MANIFESTS)? {
            let object = format!("{MANIFESTS}/{name}");
            let Some(number) = name.strip_suffix(".manifest").and_then(|name| name.parse().ok()) else {
                continue;
            };
            self.last_number = self.last_number.max(number);
            if self.manifests.contains_key(&number) || self.abandoned.contains(&number) {
                continue;
            }
            match self.read_manifest(&object)? {
                Ok(manifest) => {
                    self.manifests.insert(number, manifest);
                }
                // To begin again with an older state would undo what was done by a newer version.
                Err(damage @ Damage::Newer { .. }) => return Err(self.damaged(&object, damage)),
                Err(why) => {
                    self.unreadable.insert(number);
                    damage = Some(self.damaged(&object, why));
                }
            }
        }
        let last = self.manifests.keys().rev().find(|number| below.is_none_or(|below| **number < below));
        Ok((last.copied(), damage))
    }

    fn read_manifest(&self, object: &str) -> Result<Result<Manifest, Damage>, CheckpointError> {
        let bytes = self.files.storage().read(object).map_err(|error| self.failed("read", object, error))?;
        Ok(Manifest::from_bytes(&bytes))
    }

    /// The manifests that can be read, the oldest first.
    pub(crate) fn manifests(&mut self) -> Result<Vec<Manifest>, CheckpointError> {
        self.find(None)?;
        Ok(self.manifests.values().cloned().collect())
    }

    /// The directory of a segment and its bytes.
    pub(crate) fn segment(&self, segment: &Segment) -> Result<(Vec<Entry>, Vec<u8>), CheckpointError> {
        let bytes = match self.files.storage().read(&segment.name) {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.files.unread(segment, error)),
        };
        if bytes.len() as u64 != segment.length {
            return Err(self.damaged(&segment.name, Damage::Truncated));
        }
        match read_segment(&bytes) {
            Ok(entries) => Ok((entries, bytes)),
            Err(damage) => Err(self.damaged(&segment.name, damage)),
        }
    }

    /// All that a checkpoint holds, in memory, found as it was written.
    pub(crate) fn load(&self, manifest: &Manifest) -> Result<Loading, CheckpointError> {
        self.gather(manifest, &mut |segment| self.segment(segment).map(Found::Whole))
    }

    /// All that a checkpoint holds, found as it was written. Logs of segments that are not small are read again when they are loaded.
    fn load_values(&self, manifest: &Manifest) -> Result<Loading, CheckpointError> {
        self.gather(manifest, &mut |segment| {
            let entries = if segment.length > SMALL { self.directory(segment)? } else { Vec::new() };
            if !entries.iter().any(|entry| matches!(entry.content, Content::Log { .. })) {
                return self.segment(segment).map(Found::Whole);
            }
            Ok(Found::WithLogs(entries))
        })
    }

    fn gather(
        &self,
        manifest: &Manifest,
        find: &mut dyn FnMut(&Segment) -> Result<Found, CheckpointError>,
    ) -> Result<Loading, CheckpointError> {
        let mut loading = Loading::default();
        let maps: BTreeSet<&(String, String)> = manifest.maps.iter().collect();
        let last = manifest.segments.last();
        for segment in &manifest.segments {
            let is_live = |entry: &Entry| match entry.content {
                Content::Value => Some(segment) == last,
                Content::Stripe { .. } | Content::Log { .. } => {
                    maps.contains(&(entry.node.clone(), entry.field.clone()))
                }
            };
            match find(segment)? {
                Found::Whole((entries, bytes)) => {
                    let file = loading.file(bytes);
                    for entry in entries.iter().filter(|entry| is_live(entry)) {
                        loading.piece(&entry.head(), file, entry.range());
                    }
                }
                Found::WithLogs(entries) => {
                    let logs = loading.unread(Box::new(self.files.logs(segment, &entries)));
                    let mut rest = &entries[..];
                    while !rest.is_empty() {
                        let (block, others) = rest.split_at(first_block(rest, SMALL));
                        let bytes = self.parts(segment, block)?;
                        let begin = block[0].range().start;
                        for entry in block.iter().filter(|entry| is_live(entry)) {
                            let Range { start, end } = entry.range();
                            if matches!(entry.content, Content::Log { .. }) {
                                loading.piece(&entry.head(), logs, start..end);
                            } else {
                                let file = loading.file(bytes[start - begin..end - begin].to_vec());
                                loading.piece(&entry.head(), file, 0..end - start);
                            }
                        }
                        rest = others;
                    }
                }
            }
        }
        Ok(loading)
    }

    /// The last checkpoint that is whole, or the savepoint of this name, and all that it holds; `None` where nothing was ever saved.
    ///
    /// What is newer and no savepoint is removed once something newer yet is published.
    pub(crate) fn restore(
        &mut self,
        savepoint: Option<&str>,
    ) -> Result<Option<(Manifest, Loading, Vec<CheckpointError>)>, CheckpointError> {
        let (mut last, damage) = self.find(None)?;
        let mut fallen_back: Vec<CheckpointError> = damage.into_iter().collect();
        if let Some(name) = savepoint {
            let wanted = Kind::Savepoint(name.to_owned());
            let found = self.manifests.values().rev().find(|manifest| manifest.kind == wanted);
            let Some(manifest) = found.cloned() else { return Err(self.no_such_savepoint(name)) };
            let loading = self.load_values(&manifest)?;
            self.go_on_from(&manifest);
            return Ok(Some((manifest, loading, fallen_back)));
        }
        while let Some(number) = last {
            let manifest = self.manifests[&number].clone();
            match self.load_values(&manifest) {
                Ok(loading) => {
                    self.go_on_from(&manifest);
                    return Ok(Some((manifest, loading, fallen_back)));
                }
                Err(error @ CheckpointError::Damaged { damage: Damage::Newer { .. }, .. }) => {
                    return Err(error);
                }
                Err(damaged @ CheckpointError::Damaged { .. }) => fallen_back.push(damaged),
                Err(error) => return Err(error),
            }
            last = self.find(Some(number))?.0;
        }
        // To begin from nothing because all is damaged would be to lose everything in silence.
        fallen_back.pop().map_or(Ok(None), Err)
    }

    fn go_on_from(&mut self, restored: &Manifest) {
        self.chain.clone_from(&restored.segments);
        let is_passing = |manifest: &Manifest| !matches!(manifest.kind, Kind::Savepoint(_));
        let newer = self.manifests.range(restored.number + 1..);
        let newer = newer.filter(|(_, manifest)| is_passing(manifest)).map(|(number, _)| *number);
        self.abandoned = newer.chain(self.unreadable.range(restored.number + 1..).copied()).collect();
        self.manifests.retain(|number, _| !self.abandoned.contains(number));
    }

    fn no_such_savepoint(&self, name: &str) -> CheckpointError {
        let known = self.manifests.values().filter_map(|manifest| match &manifest.kind {
            Kind::Savepoint(name) => Some(format!("`{name}`")),
            _ => None,
        });
        let known = known.collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        CheckpointError::NoSuchSavepoint {
            name: name.to_owned(),
            storage: self.files.name().to_owned(),
            known,
        }
    }

    /// The number of the next checkpoint.
    pub(crate) fn next_number(&self) -> u64 {
        self.last_number + 1
    }

    fn begin_segment(&mut self) -> Result<Open, CheckpointError> {
        let name = format!("{SEGMENTS}/{:010}.segment", self.next_segment);
        self.next_segment += 1;
        let failed = |error| self.failed("write", &name, error);
        let mut object = self.files.storage().create(&name).map_err(failed)?;
        let mut draft = SegmentDraft::default();
        let head = draft.begin();
        object.write_all(&head).map_err(failed)?;
        let segment = Segment { name, length: head.len() as u64 };
        Ok((draft, object, segment))
    }

    /// Writes a part of the checkpoint at hand. What is of a log is sorted first.
    pub(crate) fn write(&mut self, part: &Part) -> Result<(), CheckpointError> {
        self.entries += part.entries;
        let (mut sorter, run) = (self.sorter.take(), self.run);
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin_segment()?,
        };
        let mut sink = |part: &Part| self.write_to(&mut open, part);
        if let Some(other) = sorter.take_if(|sorter| !sorter.goes_on_with(part)) {
            other.end(&mut sink)?;
        }
        if let Content::Log { full, sorted, .. } = part.content {
            let sorter = sorter.get_or_insert_with(|| Sorter::of(part, full, sorted, run));
            sorter.add(&part.bytes, &mut sink).unwrap_or_else(|| Err(self.no_part()))?;
        } else {
            sink(part)?;
        }
        (self.open, self.sorter) = (Some(open), sorter);
        Ok(())
    }

    fn no_part(&self) -> CheckpointError {
        let reason = "a part is no part of a map".to_owned();
        self.damaged(SEGMENTS, Damage::Unreadable { reason })
    }

    fn write_to(&self, (draft, object, segment): &mut Open, part: &Part) -> Result<(), CheckpointError> {
        draft.enter(part);
        segment.length += part.bytes.len() as u64;
        object.write_all(&part.bytes).map_err(|error| self.failed("write", &segment.name, error))
    }

    fn end_segment(&self, (draft, mut object, mut segment): Open) -> Result<Segment, CheckpointError> {
        let end = draft.end();
        segment.length += end.len() as u64;
        let published = object.write_all(&end).and_then(|()| object.publish());
        published.map_err(|error| self.failed("write", &segment.name, error))?;
        Ok(segment)
    }

    /// Forgets what was written of the checkpoint at hand.
    pub(crate) fn discard(&mut self) {
        (self.open, self.sorter, self.entries) = (None, None, 0);
    }

    /// Publishes the checkpoint at hand; its segments are those of the last one, unless it is `full`, and what was written since.
    pub(crate) fn publish(
        &mut self,
        mut manifest: Manifest,
        full: bool,
    ) -> Result<Published, CheckpointError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin_segment()?,
        };
        if let Some(sorter) = self.sorter.take() {
            sorter.end(&mut |part: &Part| self.write_to(&mut open, part))?;
        }
        if full {
            self.broken = None;
        } else if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        let segment = self.end_segment(open)?;
        let mut chain = if full { Vec::new() } else { self.chain.clone() };
        let bytes = segment.length;
        chain.push(segment);
        manifest.segments.clone_from(&chain);
        let entries = std::mem::take(&mut self.entries);
        let (number, body) = (manifest.number, manifest.to_bytes());
        let bytes = bytes + body.len() as u64;
        self.put(&manifest_name(number), &body)?;
        self.chain = chain;
        self.last_number = self.last_number.max(number);
        self.manifests.insert(number, manifest);
        Ok(Published { number, bytes, entries })
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        let failed = |error| self.failed("write", name, error);
        let mut object = self.files.storage().create(name).map_err(failed)?;
        object.write_all(bytes).map_err(failed)?;
        object.publish().map_err(failed)
    }

    /// Removes checkpoints that are not to be kept, and merges segments; what fails here fails no checkpoint.
    pub(crate) fn tidy(&mut self) -> Result<(), CheckpointError> {
        let merged = self.merge();
        if let Err(error @ CheckpointError::Damaged { .. }) = merged {
            // It is told with the next checkpoint, which fails; the one behind that holds everything.
            self.broken = Some(error);
            return self.retain();
        }
        merged.and(self.retain())
    }

    fn retain(&mut self) -> Result<(), CheckpointError> {
        let is_passing = |manifest: &&Manifest| !matches!(manifest.kind, Kind::Savepoint(_));
        let old: Vec<u64> =
            self.manifests.values().rev().filter(is_passing).skip(self.keep).map(|old| old.number).collect();
        let gone: Vec<u64> = self.abandoned.iter().copied().chain(old).collect();
        if gone.is_empty() {
            return Ok(());
        }
        for number in gone {
            let name = manifest_name(number);
            self.files.storage().remove(&name).map_err(|error| self.failed("remove", &name, error))?;
            self.manifests.remove(&number);
            self.abandoned.remove(&number);
            self.unreadable.remove(&number);
        }
        self.remove_unnamed()
    }

    fn remove_unnamed(&mut self) -> Result<(), CheckpointError> {
        let named: BTreeSet<&str> = self
            .manifests
            .values()
            .flat_map(|manifest| &manifest.segments)
            .chain(&self.chain)
            .map(|segment| segment.name.as_str())
            .collect();
        for name in self.list(SEGMENTS)? {
            let name = format!("{SEGMENTS}/{name}");
            if !named.contains(name.as_str()) {
                self.files.storage().remove(&name).map_err(|error| self.failed("remove", &name, error))?;
            }
        }
        Ok(())
    }

    /// Merges the newest segments, where there are many: those that together are about as large as the one before them.
    fn merge(&mut self) -> Result<(), CheckpointError> {
        if self.chain.len() <= MANY {
            return Ok(());
        }
        let mut first = self.chain.len() - 1;
        let mut size = self.chain[first].length;
        while first > 0 && (self.chain[first - 1].length < 2 * size || self.chain.len() - first < 3) {
            first -= 1;
            size += self.chain[first].length;
        }
        // What is no log, in blocks; logs may be larger than memory.
        let (mut blocks, mut parts) = (Vec::new(), Vec::new());
        let mut logs: BTreeMap<(String, String), (Logs, Part)> = BTreeMap::new();
        let merged = &self.chain[first..];
        for segment in merged {
            let entries = self.directory(segment)?;
            for (entry, content) in entries.iter().map(|entry| (entry, entry.content)) {
                let Content::Log { full, .. } = content else { continue };
                let field = (entry.node.clone(), entry.field.clone());
                if full {
                    // It may have been a map of the other kind before.
                    parts.retain(|(_, part, ..): &(usize, Entry, usize, Range<usize>)| {
                        !part.content.is_of_map() || (&part.node, &part.field) != (&field.0, &field.1)
                    });
                }
                let (log, head) = logs.entry(field).or_insert_with(|| (Logs::default(), entry.head()));
                head.type_name.clone_from(&entry.type_name);
                log.add(self, segment, entry)?;
            }
            let is_needed = |entry: &Entry| match entry.content {
                Content::Stripe { .. } => true,
                Content::Value => Some(segment) == merged.last(),
                Content::Log { .. } => false,
            };
            let side_by_side = |one: &Entry, other: &Entry| one.offset + one.length == other.offset;
            let needed: Vec<Entry> = entries.into_iter().filter(is_needed).collect();
            for block in needed.chunk_by(side_by_side) {
                blocks.push(self.parts(segment, block)?);
                let begin = block[0].range().start;
                parts.extend(block.iter().map(|entry| {
                    let Range { start, end } = entry.range();
                    (blocks.len() - 1, entry.clone(), start - begin, 0..end - start)
                }));
            }
        }
        let mut stripes: BTreeMap<(&str, &str, u16), (Slots<'_>, Part)> = BTreeMap::new();
        let mut whole: Vec<Part> = Vec::new();
        for (block, entry, offset, range) in &parts {
            let bytes = &blocks[*block][*offset..][range.clone()];
            let Content::Stripe { number, slots, full } = entry.content else {
                whole.push(Part { bytes: bytes.to_vec(), ..entry.head() });
                continue;
            };
            let (merged, head) = stripes
                .entry((&entry.node, &entry.field, number))
                .or_insert_with(|| (Slots::default(), entry.head()));
            let was_full = matches!(head.content, Content::Stripe { full: true, .. });
            head.content = Content::Stripe { number, slots, full: full || was_full };
            merged.add(slots, full, bytes).ok_or_else(|| self.no_part())?;
        }
        let merged: Vec<Part> =
            stripes.into_values().map(|(slots, head)| Part { bytes: slots.merged(), ..head }).collect();
        drop((parts, blocks));
        let mut open = self.begin_segment()?;
        for (log, head) in logs.into_values() {
            log.merge(self, &head, &mut |part: &Part| self.write_to(&mut open, part))?;
        }
        for part in merged.iter().chain(&whole) {
            self.write_to(&mut open, part)?;
        }
        let segment = self.end_segment(open)?;
        self.chain.truncate(first);
        self.chain.push(segment);
        Ok(())
    }

    /// The directory of a segment, of which nothing else is read.
    fn directory(&self, segment: &Segment) -> Result<Vec<Entry>, CheckpointError> {
        let damaged = |damage| self.damaged(&segment.name, damage);
        let Some(tail) = segment.length.checked_sub(TAIL as u64) else {
            return Err(damaged(Damage::Truncated));
        };
        let head = self.bytes(segment, 0..HEAD as u64)?;
        let tail = self.bytes(segment, tail..segment.length)?;
        let (range, crc) = find_directory(&head, &tail, segment.length).map_err(damaged)?;
        parse_directory(&self.bytes(segment, range)?, crc).map_err(damaged)
    }
}

/// What was found of a segment.
enum Found {
    /// All of it.
    Whole((Vec<Entry>, Vec<u8>)),
    /// What is in it; its logs are not to be in memory.
    WithLogs(Vec<Entry>),
}

impl Source for Store {
    fn bytes(&self, segment: &Segment, range: Range<u64>) -> Result<Vec<u8>, CheckpointError> {
        self.files.bytes(segment, range)
    }

    fn damaged(&self, segment: &Segment, damage: Damage) -> CheckpointError {
        self.files.damaged(&segment.name, damage)
    }
}

/// The number of a segment, by its name in its folder.
fn number_of(segment: &str) -> Option<u64> {
    segment.trim_start_matches('/').strip_suffix(".segment")?.parse().ok()
}

fn manifest_name(number: u64) -> String {
    format!("{MANIFESTS}/{number:010}.manifest")
}

#[cfg(test)]
mod tests;
