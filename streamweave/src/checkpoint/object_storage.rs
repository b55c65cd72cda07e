//! Checkpoints in a store of objects: local files, memory, or whatever else the crate `object_store` knows.
//!
//! That crate is asynchronous, and a [`Storage`] is called by who may block, on whichever thread. So a thread of its own runs a small
//! runtime, and calls wait for what it answers.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use object_store::path::Path;
use object_store::{
    Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UploadPart,
};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::storage::{Object, Storage};

/// Objects that are larger are sent in parts of so many bytes. Stores ask for at least five million.
const PART: usize = 8 << 20;

const LOCK: &str = "LOCK";

/// A [`Storage`] in a store of objects, below a prefix.
///
/// An object is put at once, or in parts that become an object when the last of them is there. Whether it is durable then is up to the
/// store; `LocalFileSystem` has to be told `with_fsync(true)`.
///
/// # The lock
///
/// A store of objects does not know who is alive. The lock is an object `LOCK` that is put only if there is none, with the
/// name of its owner in it; it is removed when the storage is dropped. **A process that is killed leaves it behind**, and the next start
/// ends with [`Locked`](super::CheckpointError::Locked). There are two ways on:
///
/// - [`unlock`](ObjectStorage::unlock), by hand, once it is certain that the owner is gone;
/// - [`owned_by`](ObjectStorage::owned_by) a name of which there is never more than one process at a time, which whoever starts processes
///   has to guarantee: the lock of the same name is taken over.
///
/// Before it publishes anything a storage looks whether the lock is its own still, and fails if it is not. Between that look and
/// the object there is a gap: an owner that stands still there, loses its lock, and goes on, has an object written that its successor
/// may not expect. So neither way is a substitute for the end of the old process.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use object_store::memory::InMemory;
/// use streamweave::checkpoint::{Checkpoints, ObjectStorage};
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let storage = ObjectStorage::new(Arc::new(InMemory::new()), "graphs/words")?;
/// let name = storage.to_string();
/// let result = graph! {
///     #![durable = exactly_once]
///     words = from_iter(["warp", "weft", "warp"]);
///     counted = running_count();
///     counts = collect();
///     words -> counted -> counts;
/// }
/// .checkpoints(Checkpoints::in_storage(storage, name).every(10.secs()))
/// .run()
/// .await?;
/// assert_eq!(result.counts, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    runtime: Arc<Runtime>,
    owner: Option<String>,
    /// What the lock says, once it is there.
    lock: Option<Arc<str>>,
}

/// A runtime on a thread of its own.
#[derive(Debug)]
struct Runtime {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Runtime {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("object-storage".to_owned()).spawn(move || {
            // Nothing is ever sent: it ends with the sender.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Runtime { handle, stop: Some(stop), thread: Some(thread) })
    }

    fn wait<O: Send + 'static>(
        &self,
        work: impl Future<Output = object_store::Result<O>> + Send + 'static,
    ) -> io::Result<O> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // Who asked waits.
            let _ = answer.send(work.await);
        });
        let answer = answered.recv().map_err(|_| io::Error::other("the store of objects panicked"))?;
        answer.map_err(|error| {
            let kind = match &error {
                Error::NotFound { .. } => io::ErrorKind::NotFound,
                Error::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
                Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                    io::ErrorKind::PermissionDenied
                }
                _ => io::ErrorKind::Other,
            };
            io::Error::new(kind, error)
        })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics where a store does, and whoever waited has heard of that.
            let _ = thread.join();
        }
    }
}

impl fmt::Display for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.store, self.prefix)
    }
}

impl ObjectStorage {
    /// What is below this prefix.
    ///
    /// # Errors
    ///
    /// There can be no further thread.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: impl Into<Path>) -> io::Result<Self> {
        let runtime = Arc::new(Runtime::start()?);
        Ok(ObjectStorage { store, prefix: prefix.into(), runtime, owner: None, lock: None })
    }

    /// Takes the lock over from an owner of the same name, of which there may never be two processes at a time.
    #[must_use]
    pub fn owned_by(mut self, name: impl Into<String>) -> Self {
        self.owner = Some(name.into());
        self
    }

    /// Removes the lock, whoever has it: for when its owner was killed. An owner that lives fails at its next checkpoint.
    ///
    /// # Errors
    ///
    /// It cannot be removed.
    pub fn unlock(&mut self) -> io::Result<()> {
        self.lock = None;
        self.remove(LOCK)
    }

    fn at(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn put(&self, name: &str, bytes: Vec<u8>, mode: PutMode) -> io::Result<()> {
        let (store, path) = (Arc::clone(&self.store), self.at(name));
        let work = async move {
            store.put_opts(&path, PutPayload::from(bytes), PutOptions::from(mode)).await.map(drop)
        };
        self.runtime.wait(work)
    }
}

/// The bytes of an object.
fn read(runtime: &Runtime, store: &Arc<dyn ObjectStore>, path: Path) -> io::Result<Vec<u8>> {
    let store = Arc::clone(store);
    runtime.wait(async move { Ok(store.get(&path).await?.bytes().await?.to_vec()) })
}

impl Storage for ObjectStorage {
    fn lock(&mut self) -> io::Result<bool> {
        if self.lock.is_some() {
            return Ok(true);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let owner = self.owner.clone().unwrap_or_else(|| format!("process {}", std::process::id()));
        let chance = RandomState::new().hash_one(now);
        let says: Arc<str> = format!("{owner}\nsince {now} ms, {chance:016x}\n").into();
        let bytes = || says.as_bytes().to_vec();
        match self.put(LOCK, bytes(), PutMode::Create) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let known = read(&self.runtime, &self.store, self.at(LOCK))?;
                let is_own = self.owner.as_ref().is_some_and(|owner| {
                    known.strip_prefix(owner.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'\n'))
                });
                if !is_own {
                    return Ok(false);
                }
                self.put(LOCK, bytes(), PutMode::Overwrite)?;
            }
            Err(error) => return Err(error),
        }
        self.lock = Some(says);
        Ok(true)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let (store, path) = (Arc::clone(&self.store), self.at(folder));
        let listed = self.runtime.wait(async move { store.list_with_delimiter(Some(&path)).await })?;
        let names = listed.objects.iter().filter_map(|object| object.location.filename());
        Ok(names.map(str::to_owned).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        read(&self.runtime, &self.store, self.at(name))
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> io::Result<Vec<u8>> {
        let (store, path) = (Arc::clone(&self.store), self.at(name));
        self.runtime.wait(async move { Ok(store.get_range(&path, range).await?.to_vec()) })
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Object>> {
        Ok(Box::new(Put {
            store: Arc::clone(&self.store),
            runtime: Arc::clone(&self.runtime),
            path: self.at(name),
            lock: self.lock.clone().map(|says| (self.at(LOCK), says)),
            bytes: Vec::new(),
            parts: None,
        }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (store, path) = (Arc::clone(&self.store), self.at(name));
        match self.runtime.wait(async move { store.delete(&path).await }) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

impl Drop for ObjectStorage {
    fn drop(&mut self) {
        if let Some(says) = self.lock.take() {
            // What cannot be removed is left as by a process that was killed.
            let path = self.at(LOCK);
            if read(&self.runtime, &self.store, path).is_ok_and(|known| known == says.as_bytes()) {
                let _ = self.remove(LOCK);
            }
        }
    }
}

/// An object that is being put.
#[derive(Debug)]
struct Put {
    store: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
    path: Path,
    /// Where the lock is, and what it has to say.
    lock: Option<(Path, Arc<str>)>,
    bytes: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Put {
    /// Sends what is there as a part.
    fn send(&mut self) -> io::Result<()> {
        let payload = PutPayload::from(std::mem::take(&mut self.bytes));
        if self.parts.is_none() {
            let (store, path) = (Arc::clone(&self.store), self.path.clone());
            self.parts = Some(self.runtime.wait(async move { store.put_multipart(&path).await })?);
        }
        let part: UploadPart = self.parts.as_mut().expect("it was begun").put_part(payload);
        self.runtime.wait(part)
    }

    fn check_lock(&self) -> io::Result<()> {
        let Some((path, says)) = &self.lock else { return Ok(()) };
        match read(&self.runtime, &self.store, path.clone()) {
            Ok(known) if known == says.as_bytes() => Ok(()),
            Ok(known) => {
                let known = String::from_utf8_lossy(&known);
                let owner = known.lines().next().unwrap_or_default();
                Err(io::Error::other(format!("the lock was taken over by `{owner}`")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(io::Error::other("the lock was removed"))
            }
            Err(error) => Err(error),
        }
    }
}

impl Write for Put {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= PART {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Object for Put {
    fn publish(mut self: Box<Self>) -> io::Result<()> {
        self.check_lock()?;
        if self.parts.is_none() {
            let payload = PutPayload::from(std::mem::take(&mut self.bytes));
            let (store, path) = (Arc::clone(&self.store), self.path.clone());
            return self.runtime.wait(async move { store.put(&path, payload).await.map(drop) });
        }
        if !self.bytes.is_empty() {
            self.send()?;
        }
        let mut parts = self.parts.take().expect("it was begun");
        self.runtime.wait(async move { parts.complete().await.map(drop) })
    }
}

impl Drop for Put {
    fn drop(&mut self) {
        if let Some(mut parts) = self.parts.take() {
            // Parts that are left are no object; stores remove them in time.
            let _ = self.runtime.wait(async move { parts.abort().await });
        }
    }
}
