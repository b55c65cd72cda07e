//! Blocks of bytes from a file or from the standard input.
//!
//! Promises the bytes in order, decompressed if they are gzip (told by the first two bytes, not by the name), then one
//! `None`; or an error in place of the rest. Nothing is opened before the first poll. At most two blocks wait to be
//! polled, and one more is being read.
//!
//! Relies on a thread that ends when the reader is dropped, or rather when it next has a block to hand over: a read
//! that blocks cannot be broken off. Such a thread keeps nothing waiting, and the end of the process ends it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// The size of a block; the last one, and those of a pipe, are shorter.
const BLOCK: usize = 128 * 1024;

/// How many blocks wait to be polled.
const WAITING: usize = 2;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The standard input of the process.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// The standard input of the process.
pub fn stdin() -> Input {
    Input::Stdin
}

impl<P: AsRef<Path>> std::convert::From<P> for Input {
    /// The file at this path.
    fn from(path: P) -> Self {
        Input::File(path.as_ref().to_owned())
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Stdin => f.write_str("stdin"),
            Input::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why an input could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The input could not be opened, or the thread that reads it not be started.
    #[error("cannot open `{input}`")]
    Open {
        /// What was to be opened.
        input: Input,
        /// Why it could not be.
        source: io::Error,
    },
    /// The path leads to a directory.
    #[error("cannot read `{input}`: expected a file, found a directory")]
    Directory {
        /// The directory.
        input: Input,
        /// The same, as the operating system puts it.
        source: io::Error,
    },
    /// Reading failed.
    #[error("cannot read `{input}` after byte {offset}")]
    Read {
        /// What was read.
        input: Input,
        /// How many bytes were read before, all of which were handed over; decompressed bytes, if the input is gzip.
        offset: u64,
        /// Why it failed.
        source: io::Error,
    },
    /// The input is gzip and ends before the compressed data does.
    #[error(
        "cannot read `{input}` after byte {offset}: expected the rest of the gzip data, found the end of the file"
    )]
    Truncated {
        /// What was read.
        input: Input,
        /// How many decompressed bytes were read before, all of which were handed over.
        offset: u64,
        /// The same, as the decompressor puts it.
        source: io::Error,
    },
    /// It is not what was read before, as far as that went: nothing can go on from there.
    #[error(
        "cannot read `{input}` on from byte {offset}: it is not the file that was read before; put that one back, or begin anew with an \
         empty state"
    )]
    Changed {
        /// The input.
        input: Input,
        /// How far it was read before.
        offset: u64,
    },
}

/// From where an input is read on.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct From {
    /// Behind so many bytes, of the decompressed input where it is compressed.
    pub offset: u64,
    /// The CRC-32 of those bytes: the input is read from its beginning to see that they are the same.
    pub crc: u32,
}

/// Reads an input, block by block.
///
/// After `None` or an error it is at its end: every further poll gives `None`. Dropping it before is no error.
///
/// # Examples
///
/// ```
/// # use streamweave::io::read::{BlockReader, Input};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut reader = BlockReader::new(Input::File("Cargo.toml".into()));
/// let mut bytes = Vec::new();
/// while let Some(block) = std::future::poll_fn(|cx| reader.poll_block(cx)).await {
///     bytes.extend(block.unwrap());
/// }
/// assert_eq!(bytes, std::fs::read("Cargo.toml").unwrap());
/// # }
/// ```
#[derive(Debug)]
pub struct BlockReader {
    state: State,
}

/// The moves go down the list; `poll_block` alone makes them.
#[derive(Debug)]
enum State {
    /// Nothing is opened.
    New(Input, From),
    /// The thread reads.
    Reading { blocks: Receiver<Result<Vec<u8>, ReadError>>, thread: Option<JoinHandle<()>> },
    /// The end, or an error, was given out.
    Done,
}

impl BlockReader {
    /// A reader that opens `input` when it is first polled.
    pub fn new(input: Input) -> Self {
        BlockReader { state: State::New(input, From::default()) }
    }

    /// Reads on from here; to be called before the first poll.
    pub fn go_on_from(&mut self, from: From) {
        if let State::New(_, begin) = &mut self.state {
            *begin = from;
        }
    }

    /// The next block, which is never empty.
    ///
    /// # Errors
    ///
    /// [`ReadError`], once; all blocks read before have been given out.
    pub fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, ReadError>>> {
        loop {
            match &mut self.state {
                State::New(input, from) => match start(input.clone(), std::mem::take(from)) {
                    Ok(reading) => self.state = reading,
                    Err(error) => return self.end(Some(Err(error))),
                },
                State::Reading { blocks, thread } => {
                    return match std::task::ready!(blocks.poll_recv(cx)) {
                        Some(Ok(block)) => Poll::Ready(Some(Ok(block))),
                        Some(Err(error)) => self.end(Some(Err(error))),
                        None => {
                            super::join(thread.take());
                            self.end(None)
                        }
                    };
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }

    fn end<T>(&mut self, last: T) -> Poll<T> {
        self.state = State::Done;
        Poll::Ready(last)
    }
}

fn start(input: Input, from: From) -> Result<State, ReadError> {
    let (sender, blocks) = mpsc::channel(WAITING);
    let name = input.clone();
    let thread = thread::Builder::new()
        .name("block-reader".to_owned())
        .spawn(move || read_all(input, from, &sender))
        .map_err(|source| ReadError::Open { input: name, source })?;
    Ok(State::Reading { blocks, thread: Some(thread) })
}

/// The thread's work: hands over all blocks, and the error if there is one.
fn read_all(input: Input, from: From, blocks: &Sender<Result<Vec<u8>, ReadError>>) {
    let result = match &input {
        Input::Stdin => copy_blocks(&input, io::stdin(), from, blocks),
        Input::File(path) => match open(&input, path) {
            Ok(file) => copy_blocks(&input, file, from, blocks),
            Err(error) => Err(error),
        },
    };
    if let Err(error) = result {
        // A reader that is gone does not want to know.
        let _ = blocks.blocking_send(Err(error));
    }
}

fn open(input: &Input, path: &PathBuf) -> Result<File, ReadError> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.is_dir(), file)));
    match opened {
        Ok((false, file)) => Ok(file),
        Ok((true, _)) => {
            Err(ReadError::Directory { input: input.clone(), source: io::ErrorKind::IsADirectory.into() })
        }
        Err(source) => Err(ReadError::Open { input: input.clone(), source }),
    }
}

/// Hands over what `source` gives, until it ends or nobody takes it; decompresses it if it starts like gzip.
fn copy_blocks(
    input: &Input,
    mut source: impl Read,
    from: From,
    blocks: &Sender<Result<Vec<u8>, ReadError>>,
) -> Result<(), ReadError> {
    let failed = |source| ReadError::Read { input: input.clone(), offset: 0, source };
    let start = read_start(&mut source).map_err(failed)?;
    let is_gzip = start.starts_with(&GZIP_MAGIC);
    let whole = start.as_slice().chain(source);
    let (offset, source) = match is_gzip {
        false => send_blocks(whole, &from, blocks),
        true => send_blocks(decompress(whole).map_err(failed)?, &from, blocks),
    };
    let Err(source) = source else { return Ok(()) };
    let input = input.clone();
    match source.kind() {
        io::ErrorKind::InvalidData if offset < from.offset => {
            Err(ReadError::Changed { input, offset: from.offset })
        }
        io::ErrorKind::UnexpectedEof if is_gzip => Err(ReadError::Truncated { input, offset, source }),
        _ => Err(ReadError::Read { input, offset, source }),
    }
}

/// The first bytes: enough to tell gzip, and no more than came at once, since a terminal may give no more for long.
fn read_start(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = vec![0; BLOCK];
    let mut length = read_some(source, &mut start)?;
    if length == 1 && start[0] == GZIP_MAGIC[0] {
        length += read_some(source, &mut start[1..])?;
    }
    start.truncate(length);
    Ok(start)
}

#[cfg(feature = "gzip")]
fn decompress(source: impl Read) -> io::Result<impl Read> {
    Ok(flate2::read::MultiGzDecoder::new(source))
}

#[cfg(not(feature = "gzip"))]
fn decompress<R: Read>(_: R) -> io::Result<R> {
    let reason = "expected plain data, found gzip, and feature `gzip` is off";
    Err(io::Error::new(io::ErrorKind::Unsupported, reason))
}

/// Hands over blocks until `source` ends or fails, or nobody takes them. Says how many bytes it read before that.
fn send_blocks(
    mut source: impl Read,
    from: &From,
    blocks: &Sender<Result<Vec<u8>, ReadError>>,
) -> (u64, io::Result<()>) {
    if let Err(error) = pass_over(&mut source, from) {
        return (0, Err(error));
    }
    let mut offset = from.offset;
    let mut buffer = vec![0; BLOCK];
    loop {
        let length = match read_some(&mut source, &mut buffer) {
            Ok(0) => return (offset, Ok(())),
            Ok(length) => length,
            Err(error) => return (offset, Err(error)),
        };
        // A copy of its own size: cheaper than clearing the next buffer, and a line from a terminal takes no 128 KiB.
        if blocks.blocking_send(Ok(buffer[..length].to_vec())).is_err() {
            return (offset, Ok(()));
        }
        offset += length as u64;
    }
}

/// Reads what was read before, and checks that it is the same.
fn pass_over(source: &mut impl Read, from: &From) -> io::Result<()> {
    let mut hasher = crc32fast::Hasher::new();
    let mut left = from.offset;
    let mut buffer = vec![0; BLOCK];
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let length = read_some(source, &mut buffer[..most])?;
        hasher.update(&buffer[..length]);
        left -= length as u64;
        if length == 0 {
            break;
        }
    }
    if left > 0 || hasher.finalize() != from.crc {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(())
}

/// One read, begun again if a signal interrupts it.
fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{TempPath, block_on};
    use std::error::Error;
    use std::future::poll_fn;

    /// All bytes, the sizes of the blocks, and the error at the end.
    fn read(input: Input) -> (Vec<u8>, Vec<usize>, Option<ReadError>) {
        let mut reader = BlockReader::new(input);
        let (mut bytes, mut sizes, mut failure) = (Vec::new(), Vec::new(), None);
        block_on(async {
            while let Some(block) = poll_fn(|cx| reader.poll_block(cx)).await {
                match block {
                    Ok(block) => {
                        sizes.push(block.len());
                        bytes.extend(block);
                    }
                    Err(error) => failure = Some(error),
                }
            }
            assert!(poll_fn(|cx| reader.poll_block(cx)).await.is_none(), "the end stays the end");
        });
        (bytes, sizes, failure)
    }

    fn read_file(content: &[u8]) -> (Vec<u8>, Vec<usize>, Option<ReadError>) {
        let path = TempPath::new();
        std::fs::write(&path.0, content).expect("a temporary file");
        read(Input::File(path.0.clone()))
    }

    /// Bytes without a short period.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[cfg(feature = "gzip")]
    fn gzip(content: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn file_comes_whole_in_large_blocks() {
        let content = noise(3 * BLOCK + 5);
        let (bytes, sizes, failure) = read_file(&content);
        assert!(failure.is_none() && bytes == content);
        assert_eq!(sizes, [BLOCK, BLOCK, BLOCK, 5]);
    }

    #[test]
    fn empty_file_has_no_blocks() {
        let (bytes, sizes, failure) = read_file(b"");
        assert!(bytes.is_empty() && sizes.is_empty() && failure.is_none());
    }

    #[test]
    fn half_of_the_gzip_magic_is_plain_data() {
        for content in [&b"\x1f"[..], b"\x1f\x1f\x8b", b"x\x1f\x8b"] {
            let (bytes, _, failure) = read_file(content);
            assert!(failure.is_none());
            assert_eq!(bytes, content);
        }
    }

    #[test]
    fn gzip_magic_is_told_from_reads_of_one_byte() {
        struct Dribble<'a>(&'a [u8]);
        impl Read for Dribble<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let one = buffer.len().min(1);
                self.0.read(&mut buffer[..one])
            }
        }
        let start = |bytes| read_start(&mut Dribble(bytes)).expect("memory");
        assert_eq!(start(b"\x1f\x8b\x08"), GZIP_MAGIC);
        assert_eq!(start(b"ab"), b"a");
        assert_eq!(start(b"\x1f"), b"\x1f");
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn gzip_is_decompressed_whatever_the_name_all_members_of_it() {
        let content = noise(2 * BLOCK);
        let mut compressed = gzip(&content[..BLOCK + 7]);
        compressed.extend(gzip(&content[BLOCK + 7..]));
        let (bytes, _, failure) = read_file(&compressed);
        assert!(failure.is_none() && bytes == content);
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn truncated_gzip_is_an_error_after_what_could_be_read() {
        let content = noise(BLOCK);
        let compressed = gzip(&content);
        for length in [2, 9, 10, compressed.len() / 2, compressed.len() - 1] {
            let (bytes, _, failure) = read_file(&compressed[..length]);
            assert!(content.starts_with(&bytes));
            let Some(ReadError::Truncated { offset, .. }) = failure else {
                panic!("expected a truncated file, found {failure:?}")
            };
            assert_eq!(offset, bytes.len() as u64);
        }
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn corrupt_gzip_is_an_error() {
        let mut compressed = gzip(&noise(BLOCK));
        let last = compressed.len() - 1;
        compressed[last] ^= 1;
        let (_, _, failure) = read_file(&compressed);
        assert!(matches!(failure, Some(ReadError::Read { .. })), "{failure:?}");
    }

    #[cfg(not(feature = "gzip"))]
    #[test]
    fn gzip_without_the_feature_is_an_error() {
        let (_, _, failure) = read_file(b"\x1f\x8b\x08");
        let source = failure.expect("gzip is not read").source().expect("a reason").to_string();
        assert_eq!(source, "expected plain data, found gzip, and feature `gzip` is off");
    }

    #[test]
    fn missing_file_is_an_error_that_names_it() {
        let path = TempPath::new();
        let (_, _, failure) = read(Input::File(path.0.clone()));
        let failure = failure.expect("there is no such file");
        assert_eq!(failure.to_string(), format!("cannot open `{}`", path.0.display()));
        let source = failure.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::NotFound));
    }

    #[test]
    fn directory_is_an_error_that_names_it() {
        let directory = std::env::temp_dir();
        let (_, _, failure) = read(Input::File(directory.clone()));
        assert_eq!(
            failure.expect("a directory cannot be read").to_string(),
            format!("cannot read `{}`: expected a file, found a directory", directory.display())
        );
    }

    #[test]
    fn failure_in_the_middle_comes_after_the_bytes_before_it() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is on fire"))
            }
        }
        let (sender, mut blocks) = mpsc::channel(WAITING);
        let failure = copy_blocks(&Input::Stdin, b"before".chain(Failing), From::default(), &sender);
        assert!(matches!(blocks.try_recv(), Ok(Ok(block)) if block == b"before"));
        assert_eq!(failure.expect_err("the disk is on fire").to_string(), "cannot read `stdin` after byte 6");
    }

    #[test]
    fn nothing_is_opened_before_the_first_poll() {
        let path = TempPath::new();
        let mut reader = BlockReader::new(Input::File(path.0.clone()));
        std::fs::write(&path.0, "late").expect("a temporary file");
        let block = block_on(poll_fn(|cx| reader.poll_block(cx)));
        assert!(matches!(block, Some(Ok(block)) if block == b"late"));
    }

    #[test]
    fn thread_ends_when_the_reader_is_dropped() {
        let path = TempPath::new();
        std::fs::write(&path.0, noise(10 * BLOCK)).expect("a temporary file");
        let mut reader = BlockReader::new(Input::File(path.0.clone()));
        block_on(poll_fn(|cx| reader.poll_block(cx))).expect("a block").expect("no error");
        let State::Reading { blocks, thread } = reader.state else { panic!("there is more to read") };
        drop(blocks);
        crate::io::join(thread);
    }
}
