//! Where checkpoints are kept.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A place for named objects that are written once, whole, and read.
///
/// Calls may block: they come from a thread of their own while a graph runs, and from the task that starts it before.
///
/// # Contract
///
/// 1. An object is there under its name, whole and durable, once [`Object::publish`] has returned, and not at all before: a crash in
///    between leaves nothing under that name.
/// 2. Names are relative, with `/` between folder and object. A name is not used again while there is an object of it.
/// 3. [`lock`](Storage::lock) keeps others out until the storage is dropped or its process has died.
pub trait Storage: fmt::Debug + Send {
    /// Takes the storage for this process alone; `false` where another has it.
    ///
    /// # Errors
    ///
    /// The storage cannot be reached, or not be written to.
    fn lock(&mut self) -> io::Result<bool>;

    /// The names of the objects in a folder, without the folder, in no order; none where there is no such folder.
    ///
    /// # Errors
    ///
    /// The storage cannot be read.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// The bytes of an object.
    ///
    /// # Errors
    ///
    /// There is none of this name, or it cannot be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Some bytes of an object. A storage that can read no less than all does so; where a map is larger than memory it has to do better,
    /// for its segments are read by blocks of some hundred kilobytes.
    ///
    /// # Errors
    ///
    /// There is none of this name, it is shorter, or it cannot be read.
    fn read_range(&self, name: &str, range: Range<u64>) -> io::Result<Vec<u8>> {
        let bytes = self.read(name)?;
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let some = bytes.get(at(range.start)..at(range.end));
        some.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Begins an object.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    fn create(&self, name: &str) -> io::Result<Box<dyn Object>>;

    /// Removes an object; nothing happens where there is none.
    ///
    /// # Errors
    ///
    /// It is there and cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// An object that is being written; dropped before it is published it leaves nothing behind under its name.
pub trait Object: Write + fmt::Debug + Send {
    /// Makes it durable and visible under its name.
    ///
    /// # Errors
    ///
    /// It is not; nothing is there under its name then, or all of it.
    fn publish(self: Box<Self>) -> io::Result<()>;
}

/// A directory of the local file system.
///
/// An object is written beside its place, synced, renamed, and its directory synced. A file `LOCK` is locked by the operating
/// system for as long as the process lives (rule H5).
#[derive(Debug)]
pub struct LocalDirectory {
    path: PathBuf,
    lock: Option<File>,
}

impl LocalDirectory {
    /// The directory; it is created when it is locked.
    pub fn new(path: impl AsRef<Path>) -> Self {
        LocalDirectory { path: path.as_ref().to_owned(), lock: None }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl fmt::Display for LocalDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

/// What an object is called until it is published; such names are not listed.
const UNPUBLISHED: &str = ".unpublished";

impl Storage for LocalDirectory {
    fn lock(&mut self) -> io::Result<bool> {
        if self.lock.is_some() {
            return Ok(true);
        }
        create_durably(&self.path)?;
        let file = File::options().create(true).truncate(false).write(true).open(self.at("LOCK"))?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(file);
                Ok(true)
            }
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.at(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            if let Ok(name) = entry?.file_name().into_string()
                && !name.ends_with(UNPUBLISHED)
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.at(name))
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.at(name))?;
        file.seek(SeekFrom::Start(range.start))?;
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Object>> {
        let path = self.at(name);
        if let Some(folder) = path.parent() {
            create_durably(folder)?;
        }
        let mut unpublished = path.clone().into_os_string();
        unpublished.push(UNPUBLISHED);
        let unpublished = PathBuf::from(unpublished);
        let file = BufWriter::with_capacity(1 << 16, File::create(&unpublished)?);
        Ok(Box::new(LocalObject { file, unpublished, path, is_published: false }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.at(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Creates a folder and those around it, where they are missing: as durable as what will be in them.
fn create_durably(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let around = folder.parent().filter(|around| !around.as_os_str().is_empty());
    if let Some(around) = around {
        create_durably(around)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        created => created?,
    }
    File::open(around.unwrap_or(Path::new(".")))?.sync_all()
}

#[derive(Debug)]
struct LocalObject {
    file: BufWriter<File>,
    unpublished: PathBuf,
    path: PathBuf,
    is_published: bool,
}

impl Write for LocalObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Object for LocalObject {
    fn publish(mut self: Box<Self>) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.unpublished, &self.path)?;
        self.is_published = true;
        match self.path.parent() {
            // The name is as durable as the directory that holds it.
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for LocalObject {
    fn drop(&mut self) {
        if !self.is_published {
            // What is left lying there is no object, and is written over by the next of its name.
            let _ = fs::remove_file(&self.unpublished);
        }
    }
}
