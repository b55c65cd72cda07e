//! Rows into files of a folder, each of which is there, whole, once it has its name.
//!
//! | file | what it holds | who moves on |
//! |---|---|---|
//! | `part-00000001.csv.pending` | the rows of a transaction that is open, or pre-committed: then it is synced | the commit renames it |
//! | `part-00000001.csv` | the rows of one that was committed | nobody |
//!
//! A run that goes on removes pending files that its checkpoint does not know, and renames those that it knows. It removes parts, too,
//! that come behind its checkpoint: there are such where an older checkpoint is restored than the last. One that begins anew removes all parts.

use std::fs::{self, File};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::encoded::Encoder;
use super::transactional::{Known, TransactionalSink};
use crate::format::FormatError;
use crate::operator::asynchronous::{Call, blocking};

/// What a file is called until it is committed, behind its name.
const PENDING: &str = ".pending";

/// Why a part could not be written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// A row does not fit the format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The file system refused.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it could not be.
        source: Arc<io::Error>,
    },
}

/// How rows become the bytes of a file: a new encoder for each, and what stands at the beginning.
pub trait PartFormat: Send + 'static {
    /// The encoder.
    type Encoder: Send + 'static;
    /// What the names of the files end in.
    const EXTENSION: &'static str;

    /// An encoder for a new file, which begins with what is appended to `out`.
    fn begin(&self, out: &mut Vec<u8>) -> Self::Encoder;
}

/// A sink of part files; see [`csv::write_parts`](super::csv::write_parts).
#[derive(Debug)]
pub struct Parts<D, M: PartFormat> {
    folder: PathBuf,
    format: M,
    open: Option<Part<M::Encoder>>,
    row: PhantomData<fn(D)>,
}

/// The file at hand.
#[derive(Debug)]
struct Part<C> {
    number: u64,
    file: File,
    path: PathBuf,
    encoder: C,
    buffer: Vec<u8>,
}

impl<D, M: PartFormat> Parts<D, M> {
    pub(super) fn new(folder: impl AsRef<Path>, format: M) -> Self {
        Parts { folder: folder.as_ref().to_owned(), format, open: None, row: PhantomData }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("part-{number:08}.{}", M::EXTENSION))
    }
}

/// The file until it is committed.
fn pending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PENDING);
    name.into()
}

/// The number of a part, and whether it is pending.
fn number_of(name: &str, extension: &str) -> Option<(u64, bool)> {
    let (name, is_pending) = match name.strip_suffix(PENDING) {
        Some(name) => (name, true),
        None => (name, false),
    };
    let digits = name.strip_prefix("part-")?.strip_suffix(extension)?.strip_suffix('.')?;
    let is_number = digits.len() >= 8 && digits.bytes().all(|digit| digit.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| is_number)?, is_pending))
}

/// Does what blocks on a thread that may.
async fn elsewhere<B: Send + 'static>(work: impl Fn() -> B + Send + Sync + 'static) -> B {
    blocking(move |()| work()).call(()).await
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PartError {
    move |source| PartError::File { action, path: path.to_owned(), source: source.into() }
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), PartError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

/// Removes the parts that the graph does not know.
fn tidy(folder: &Path, extension: &str, keeps: impl Fn(u64, bool) -> bool) -> Result<(), PartError> {
    fs::create_dir_all(folder).map_err(failed("create", folder))?;
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let entry = entry.map_err(failed("read", folder))?;
        let name = entry.file_name();
        let Some((number, is_pending)) = name.to_str().and_then(|name| number_of(name, extension)) else {
            continue;
        };
        if !keeps(number, is_pending) {
            fs::remove_file(entry.path()).map_err(failed("remove", &entry.path()))?;
        }
    }
    sync_folder(folder)
}

/// Gives a part its name, unless it has it.
fn rename(path: &Path) -> Result<(), PartError> {
    match fs::rename(pending(path), path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.exists() => {}
        renamed => renamed.map_err(failed("rename to its name", path))?,
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

impl<D, M> TransactionalSink for Parts<D, M>
where
    D: Send + 'static,
    M: PartFormat,
    M::Encoder: Encoder<D>,
{
    type Row = D;
    type Transaction = u64;
    type Error = PartError;

    async fn abort_unknown(&mut self, known: Known<'_, u64>) -> Result<u64, PartError> {
        let (folder, pending) = (self.folder.clone(), known.pending.to_vec());
        let (is_new, next) = (known.is_new, known.next);
        elsewhere(move || {
            tidy(&folder, M::EXTENSION, |number, is_pending| {
                !is_new && (pending.contains(&number) || (!is_pending && number < next))
            })
        })
        .await?;
        Ok(next - 1)
    }

    async fn begin(&mut self, number: u64) -> Result<(), PartError> {
        let path = pending(&self.path(number));
        let created = path.clone();
        let file = elsewhere(move || File::create(&created).map_err(failed("create", &created))).await?;
        let mut buffer = Vec::new();
        let encoder = self.format.begin(&mut buffer);
        self.open = Some(Part { number, file, path, encoder, buffer });
        Ok(())
    }

    async fn write(&mut self, rows: Vec<D>) -> Result<(), PartError> {
        let part = self.open.as_mut().expect("it has begun");
        for row in &rows {
            part.encoder.encode(row, &mut part.buffer)?;
        }
        drop(rows);
        part.bring_out(false).await
    }

    async fn pre_commit(&mut self) -> Result<u64, PartError> {
        let mut part = self.open.take().expect("it has begun");
        part.bring_out(true).await?;
        Ok(part.number)
    }

    async fn commit(&mut self, number: &u64) -> Result<(), PartError> {
        let path = self.path(*number);
        elsewhere(move || rename(&path)).await
    }
}

impl<C> Part<C> {
    /// Writes what is in the buffer; to the disk, where it is to be synced.
    async fn bring_out(&mut self, is_synced: bool) -> Result<(), PartError> {
        let (buffer, path) = (take(&mut self.buffer), self.path.clone());
        let file = self.file.try_clone().map_err(failed("open", &self.path))?;
        elsewhere(move || {
            (&file).write_all(&buffer).map_err(failed("write", &path))?;
            if is_synced { file.sync_data().map_err(failed("sync", &path)) } else { Ok(()) }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parts_of_the_format_are_taken_for_parts() {
        assert_eq!(number_of("part-00000012.csv", "csv"), Some((12, false)));
        assert_eq!(number_of("part-00000012.csv.pending", "csv"), Some((12, true)));
        assert_eq!(number_of("part-123456789.csv", "csv"), Some((123_456_789, false)));
        for other in
            ["part-12.csv", "part-00000012.jsonl", "part-+0000012.csv", "parts.csv", "part-00000012csv"]
        {
            assert_eq!(number_of(other, "csv"), None, "{other}");
        }
    }
}
