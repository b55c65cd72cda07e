//! Where entries are that do not fit into memory: a store, and logs of what has changed, in a directory that nobody else uses.
//!
//! Nothing in it outlives the map. What is durable is the checkpoint, so nothing here is synced.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::config::{CompressionPolicy, PinningPolicy};
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, Slice,
};
use lsm_tree::{Guard, IterGuardImpl};

use super::super::keyed_log;

/// Blocks of the store that are kept in memory, in bytes.
const BLOCKS: u64 = 16 << 20;

/// Writes that are gathered before they become a table of the store, in bytes; there may be some of these at a time.
const GATHERED: u64 = 8 << 20;

/// What a write takes in memory besides its key and its value, in bytes, about.
const OF_ENTRY: u64 = 128;

/// A piece of a log, in bytes.
const PIECE: usize = 64 << 10;

/// What the store cannot do, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entries that do not fit into memory cannot be {action} in `{directory}`: {reason}")]
pub(super) struct Unusable {
    action: &'static str,
    directory: String,
    reason: String,
}

/// A directory with a store.
pub(super) struct Scratch {
    // In this order they are closed.
    entries: Keyspace,
    database: Database,
    /// How many bytes were written since the last table was begun.
    gathered: u64,
    directory: Arc<Directory>,
}

/// The directory; what was put there is removed with it.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    /// Whether it was made for this, and goes, too.
    is_own: bool,
    _lock: File,
}

const STORE: &str = "entries";
const LOGS: &str = "changes";

impl Directory {
    /// Takes a directory and empties it of what another map has left there.
    fn take(given: Option<&Path>) -> Result<Self, (PathBuf, io::Error)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let path = given.map_or_else(
            || {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                std::env::temp_dir().join(format!("streamweave-large-map-{}-{number}", std::process::id()))
            },
            Path::to_owned,
        );
        match Directory::at(&path) {
            Ok(lock) => Ok(Directory { path, is_own: given.is_none(), _lock: lock }),
            Err(error) => Err((path, error)),
        }
    }

    fn at(path: &Path) -> io::Result<File> {
        fs::create_dir_all(path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("LOCK"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                io::Error::other("another map uses it; give each a directory of its own")
            }
            fs::TryLockError::Error(error) => error,
        })?;
        empty(path)?;
        fs::create_dir(path.join(LOGS))?;
        Ok(lock)
    }
}

fn empty(path: &Path) -> io::Result<()> {
    for name in [STORE, LOGS] {
        match fs::remove_dir_all(path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left is removed by the next map that is given the directory.
        let _ = if self.is_own { fs::remove_dir_all(&self.path) } else { empty(&self.path) };
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("directory", &self.directory.path).finish_non_exhaustive()
    }
}

impl Scratch {
    /// Opens an empty store in this directory, or in one of its own under that of the system for temporary files.
    pub(super) fn open(given: Option<&Path>) -> Result<Self, Unusable> {
        let failed = |directory: &Path, reason: String| Unusable {
            action: "kept",
            directory: directory.display().to_string(),
            reason,
        };
        let directory = Directory::take(given).map_err(|(path, error)| failed(&path, error.to_string()))?;
        let opened = |directory: &Directory| -> fjall::Result<(Database, Keyspace)> {
            let database = Database::builder(directory.path.join(STORE))
                .cache_size(BLOCKS)
                .manual_journal_persist(true)
                .journal_compression(CompressionType::None)
                .max_journaling_size(64 << 20)
                .max_cached_files(Some(256))
                // One of them makes tables of what was gathered while the other merges tables.
                .worker_threads(2)
                .open()?;
            let entries = database.keyspace("entries", || {
                KeyspaceCreateOptions::default()
                    .max_memtable_size(GATHERED)
                    .manual_journal_persist(true)
                    .data_block_compression_policy(CompressionPolicy::disabled())
                    .filter_block_pinning_policy(PinningPolicy::all(true))
            })?;
            Ok((database, entries))
        };
        let (database, entries) =
            opened(&directory).map_err(|error| failed(&directory.path, error.to_string()))?;
        Ok(Scratch { entries, database, gathered: 0, directory: Arc::new(directory) })
    }

    #[cfg(test)]
    pub(super) fn directory(&self) -> &Path {
        &self.directory.path
    }

    /// Makes a table of what was gathered; gives how many older versions of its tables and gathered writes the store holds.
    #[cfg(test)]
    pub(super) fn flush(&self) -> usize {
        self.entries.rotate_memtable_and_wait().expect("it can be written");
        self.entries.tree.version_free_list_len()
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(fjall::Error) -> Unusable {
        let directory = self.directory.path.display().to_string();
        move |error| Unusable { action, directory, reason: error.to_string() }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Slice>, Unusable> {
        self.entries.get(key).map_err(self.failed("read"))
    }

    /// Whether there is such a key.
    pub(super) fn contains(&self, key: &[u8]) -> Result<bool, Unusable> {
        self.entries.contains_key(key).map_err(self.failed("read"))
    }

    /// Writes that are to be made together.
    pub(super) fn batch(&self, writes: usize) -> Batch {
        Batch {
            writes: OwnedWriteBatch::with_capacity(self.database.clone(), writes),
            entries: self.entries.clone(),
            bytes: 0,
        }
    }

    /// Makes the writes of a batch.
    pub(super) fn write(&mut self, batch: Batch) -> Result<(), Unusable> {
        self.gathered += batch.bytes;
        let written = batch.writes.commit();
        // The store asks its threads to begin a new table, which may be busy while this one grows.
        let is_enough = self.gathered >= GATHERED;
        let written =
            written.and_then(|()| if is_enough { self.entries.rotate_memtable().map(drop) } else { Ok(()) });
        if is_enough {
            self.gathered = 0;
        }
        written.map_err(self.failed("written"))
    }

    /// Writes many entries at once, whose keys are in order, each there once.
    pub(super) fn write_sorted<'a>(
        &self,
        records: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<(), Unusable> {
        let written = || -> fjall::Result<()> {
            let mut ingestion = self.entries.start_ingestion()?;
            for (key, value) in records {
                match value {
                    Some(value) => ingestion.write(key, value)?,
                    None => ingestion.write_tombstone(key)?,
                }
            }
            ingestion.finish()
        };
        written().map_err(self.failed("written"))
    }

    /// Removes every entry.
    pub(super) fn clear(&self) -> Result<(), Unusable> {
        self.entries.clear().map_err(self.failed("written"))
    }

    /// The entries as they are now, whatever is written afterwards, in the order of the keys' bytes.
    ///
    /// Not by an iterator of a snapshot: as long as there is one the database keeps in memory whatever is written. That of the tree holds
    /// the tables and the writes that it reads, and no others; what is written afterwards has a greater number than it looks for.
    pub(super) fn scan(&self) -> Scan {
        // Until the iterator has what it reads nothing of that may go.
        let snapshot = self.database.snapshot();
        let iter = self.entries.tree.iter(snapshot.seqno(), None);
        Scan { iter, directory: Arc::clone(&self.directory) }
    }

    /// An empty log.
    pub(super) fn log(&self) -> Log {
        let mut log = Log::default();
        log.may_go_to(self);
        log
    }
}

/// Writes that are to be made together.
pub(super) struct Batch {
    /// How many bytes of memory they take, about.
    bytes: u64,
    writes: OwnedWriteBatch,
    entries: Keyspace,
}

impl Batch {
    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.bytes += (key.len() + value.len()) as u64 + OF_ENTRY;
        self.writes.insert(&self.entries, key, value);
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        self.bytes += key.len() as u64 + OF_ENTRY;
        self.writes.remove(&self.entries, key);
    }
}

/// The entries of a store as they were at an instant.
pub(super) struct Scan {
    iter: Box<dyn Iterator<Item = IterGuardImpl> + Send>,
    directory: Arc<Directory>,
}

impl Iterator for Scan {
    type Item = Result<(Slice, Slice), Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.iter.next()?.into_inner();
        Some(entry.map_err(|error| Unusable {
            action: "read",
            directory: self.directory.path.display().to_string(),
            reason: error.to_string(),
        }))
    }
}

/// Records of a [log by key](keyed_log), written at its end and taken at its beginning. What is more than a piece is in a file.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Where the file is to be; none where no entry has left memory.
    directory: Option<Arc<Directory>>,
    file: Option<(File, PathBuf)>,
    /// How long the pieces in the file are, and how many records they have.
    pieces: VecDeque<(usize, usize)>,
    taken: u64,
    last: Vec<u8>,
    records: usize,
}

impl Log {
    /// What is more than a piece goes where the entries are.
    pub(super) fn may_go_to(&mut self, scratch: &Scratch) {
        self.directory = Some(Arc::clone(&scratch.directory));
    }

    /// Appends a record.
    pub(super) fn append(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Unusable> {
        keyed_log::append(key, value, &mut self.last);
        self.records += 1;
        if self.last.len() >= PIECE && self.directory.is_some() { self.put_away() } else { Ok(()) }
    }

    #[cold]
    fn put_away(&mut self) -> Result<(), Unusable> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let Some(directory) = &self.directory else { return Ok(()) };
        let mut write = || -> io::Result<()> {
            if self.file.is_none() {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let path = directory.path.join(LOGS).join(number.to_string());
                let file = File::options().read(true).append(true).create_new(true).open(&path)?;
                self.file = Some((file, path));
            }
            let (file, _) = self.file.as_mut().expect("it was made");
            file.write_all(&self.last)
        };
        write().map_err(|error| self.failed("written", &error))?;
        self.pieces.push_back((self.last.len(), std::mem::take(&mut self.records)));
        self.last.clear();
        Ok(())
    }

    /// Takes some records, and how many they are; `None` where there is none.
    pub(super) fn take(&mut self) -> Result<Option<(Vec<u8>, usize)>, Unusable> {
        let Some((length, records)) = self.pieces.pop_front() else {
            let records = std::mem::take(&mut self.records);
            return Ok((records > 0).then(|| (std::mem::take(&mut self.last), records)));
        };
        let (file, _) = self.file.as_mut().expect("its pieces are there");
        let mut bytes = vec![0; length];
        let read = file.seek(SeekFrom::Start(self.taken)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|error| self.failed("read", &error))?;
        self.taken += length as u64;
        Ok(Some((bytes, records)))
    }

    fn failed(&self, action: &'static str, error: &io::Error) -> Unusable {
        let path = self.directory.as_ref().map_or_else(String::new, |known| known.path.display().to_string());
        Unusable { action, directory: path, reason: error.to_string() }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.file {
            // It goes with the directory in any case.
            let _ = fs::remove_file(path);
        }
    }
}
