//! The files of a storage, and those that a restore leaves where they are until their logs are loaded.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{CheckpointError, Damage};
use super::manifest::{Entry, Segment};
use super::storage::Storage;
use crate::state::Unread;

/// Segments of at most so many bytes are read at once, whatever is in them.
pub(super) const SMALL: u64 = 1 << 20;

/// A storage, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// It stays locked for as long as there are logs to be loaded.
    storage: Arc<Mutex<Box<dyn Storage>>>,
    name: Arc<str>,
}

impl Files {
    pub(super) fn new(storage: Box<dyn Storage>, name: String) -> Self {
        Files { storage: Arc::new(Mutex::new(storage)), name: name.into() }
    }

    /// For one call.
    pub(super) fn storage(&self) -> MutexGuard<'_, Box<dyn Storage>> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn failed(&self, action: &'static str, object: &str, source: io::Error) -> CheckpointError {
        let (name, storage) = (object.to_owned(), self.name.to_string());
        CheckpointError::Storage { action, name, storage, source }
    }

    pub(super) fn damaged(&self, object: &str, damage: Damage) -> CheckpointError {
        CheckpointError::Damaged { name: object.to_owned(), storage: self.name.to_string(), damage }
    }

    /// Why a segment could not be read.
    pub(super) fn unread(&self, segment: &Segment, error: io::Error) -> CheckpointError {
        match error.kind() {
            io::ErrorKind::NotFound => {
                let reason = "there is no such file".to_owned();
                self.damaged(&segment.name, Damage::Unreadable { reason })
            }
            io::ErrorKind::UnexpectedEof => self.damaged(&segment.name, Damage::Truncated),
            _ => self.failed("read", &segment.name, error),
        }
    }

    /// Some bytes of a segment.
    pub(super) fn bytes(&self, segment: &Segment, range: Range<u64>) -> Result<Vec<u8>, CheckpointError> {
        if range.is_empty() {
            // Storages need not know of nothing.
            return Ok(Vec::new());
        }
        let bytes = self.storage().read_range(&segment.name, range);
        bytes.map_err(|error| self.unread(segment, error))
    }

    /// The logs of a segment, which is left where it is.
    pub(super) fn logs(&self, segment: &Segment, entries: &[Entry]) -> LogsOf {
        let parts = entries.iter().map(|entry| (entry.offset, (entry.length, entry.crc)));
        LogsOf { files: self.clone(), segment: segment.clone(), parts: parts.collect() }
    }
}

/// The logs of a segment that was found as it was written.
#[derive(Debug)]
pub(super) struct LogsOf {
    files: Files,
    segment: Segment,
    /// Where parts begin, how many bytes they have, and their checksums.
    parts: BTreeMap<u64, (u64, u32)>,
}

impl Unread for LogsOf {
    fn read(&self, pieces: Range<usize>) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let range = pieces.start as u64..pieces.end as u64;
        let bytes = self.files.bytes(&self.segment, range.clone())?;
        let mut rest = &bytes[..];
        for (length, crc) in self.parts.range(range).map(|(_, part)| part) {
            // It was whole a moment ago.
            let own = rest.split_off(..usize::try_from(*length).unwrap_or(usize::MAX));
            if own.is_none_or(|own| crc32fast::hash(own) != *crc) {
                return Err(Box::new(self.files.damaged(&self.segment.name, Damage::Checksum)));
            }
        }
        Ok(bytes)
    }
}
