//! Blocks of bytes to a file or to the standard output.
//!
//! Promises that buffers are written in the order in which they are sent, each flushed to the operating system (not to
//! the disk) before it counts as written, and that an error is not lost: it is kept, and every later poll returns it.
//! Nothing is created, and no file truncated, before the first poll.
//!
//! Relies on a thread, and on credit: at most `IN_FLIGHT` buffers are sent and not yet answered for. The thread
//! answers for each in turn, with the emptied buffer to be filled again, or once and finally with an error.
//!
//! A writer that is dropped without a flush leaves its last buffers to the thread, and nobody learns of errors. Of a file the thread is
//! waited for: whoever opens it next, a graph that is started again, finds that nobody else writes to it. A pipe may block for ever,
//! and is written to if the process lives long enough.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How many buffers are with the thread at most: one being written, one ready.
const IN_FLIGHT: usize = 2;

/// Where bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The standard output of the process.
    Stdout,
    /// A file, which is created if it does not exist.
    File {
        /// Where it is; the directory must exist.
        path: PathBuf,
        /// Whether to keep what is in the file and write behind it, rather than to truncate it.
        append: bool,
    },
}

/// The standard output of the process.
pub fn stdout() -> Output {
    Output::Stdout
}

/// The file at this path: what is written goes behind what is in it.
pub fn append(path: impl AsRef<Path>) -> Append {
    Append(path.as_ref().to_owned())
}

/// A file that is written behind what is in it; see [`append`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append(PathBuf);

impl From<Append> for Output {
    fn from(Append(path): Append) -> Self {
        Output::File { path, append: true }
    }
}

/// An output that can be taken back to what it was at a checkpoint: a file.
pub trait Revertible {}

impl<P: AsRef<Path>> Revertible for P {}
impl Revertible for Append {}

impl<P: AsRef<Path>> From<P> for Output {
    /// The file at this path, emptied first where it exists.
    fn from(path: P) -> Self {
        Output::File { path: path.as_ref().to_owned(), append: false }
    }
}

impl Output {
    /// Whether what is written goes behind something.
    #[cfg_attr(not(feature = "csv"), expect(dead_code, reason = "only CSV has a header"))]
    pub(crate) fn continues(&self) -> bool {
        match self {
            Output::File { path, append: true } => std::fs::metadata(path).is_ok_and(|file| file.len() > 0),
            Output::File { append: false, .. } | Output::Stdout => false,
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Stdout => f.write_str("stdout"),
            Output::File { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

/// Why an output could not be written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file could not be created or opened, or the thread that writes it not be started.
    #[error("cannot create `{output}`")]
    Create {
        /// What was to be created.
        output: Output,
        /// Why it could not be.
        source: Arc<io::Error>,
    },
    /// Writing or flushing failed.
    #[error("cannot write `{output}` after byte {offset}")]
    Write {
        /// What was written.
        output: Output,
        /// How many bytes were written before the buffer that failed, part of which may have been written too.
        offset: u64,
        /// Why it failed.
        source: Arc<io::Error>,
    },
}

impl WriteError {
    /// Whether the reader at the other end of a pipe is gone, as after `| head`: often a reason to end, and not to
    /// complain.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            WriteError::Create { .. } => false,
            WriteError::Write { source, .. } => source.kind() == io::ErrorKind::BrokenPipe,
        }
    }
}

/// Writes an output, buffer by buffer.
///
/// # Contract
///
/// 1. Each [`start_send`](BlockWriter::start_send) comes after a [`poll_ready`](BlockWriter::poll_ready) that gave
///    `Ready(Ok(()))`; one such answer is good for one buffer.
/// 2. At the end, [`poll_flush`](BlockWriter::poll_flush) is polled until it is ready; it also creates a file into
///    which nothing was sent.
///
/// # Examples
///
/// ```
/// # use streamweave::io::write::{BlockWriter, Output};
/// # use std::future::poll_fn;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let path = std::env::temp_dir().join(format!("block-writer-{}", std::process::id()));
/// let mut writer = BlockWriter::new(Output::File { path: path.clone(), append: false });
/// for word in ["hello ", "world"] {
///     poll_fn(|cx| writer.poll_ready(cx)).await.unwrap();
///     let mut buffer = writer.buffer();
///     buffer.extend_from_slice(word.as_bytes());
///     writer.start_send(buffer);
/// }
/// poll_fn(|cx| writer.poll_flush(cx)).await.unwrap();
/// assert_eq!(std::fs::read(&path).unwrap(), b"hello world");
/// std::fs::remove_file(path).unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct BlockWriter {
    state: State,
    /// Emptied buffers, to be filled again.
    spare: Vec<Vec<u8>>,
    /// How long the file was when it was opened, and kept.
    begins_at: u64,
}

/// The moves go down the list; the polls alone make them.
#[derive(Debug)]
enum State {
    /// Nothing is opened; a file is to be cut to this length, if one is given.
    New(Output, Option<u64>),
    /// The thread opens or writes.
    Writing(Link),
    /// The error that ended it, returned by every poll.
    Failed(WriteError),
}

/// The ends of the channels to and from the thread.
#[derive(Debug)]
struct Link {
    buffers: SyncSender<Work>,
    answers: UnboundedReceiver<Result<Answer, WriteError>>,
    opened: bool,
    /// Buffers sent and not answered for.
    in_flight: usize,
    thread: Option<JoinHandle<()>>,
    /// Whether the thread is waited for when the writer is dropped.
    is_awaited: bool,
}

/// What the thread is to do.
#[derive(Debug)]
enum Work {
    Write(Vec<u8>),
    Sync,
}

/// What the thread has done.
#[derive(Debug)]
enum Answer {
    /// The output is open, and of this length.
    Opened { length: u64 },
    /// What was written before is durable.
    Synced,
    /// The next buffer is written and flushed; here it is, empty.
    Written(Vec<u8>),
}

impl BlockWriter {
    /// A writer that opens `output` when it is first polled.
    pub fn new(output: Output) -> Self {
        BlockWriter { state: State::New(output, None), spare: Vec::new(), begins_at: 0 }
    }

    /// Cuts a file to this length when it is opened, and goes on behind it; another output is opened as ever.
    ///
    /// # Panics
    ///
    /// Once it has been polled.
    pub fn go_on_behind(&mut self, length: u64) {
        match &mut self.state {
            State::New(Output::File { .. }, behind) => *behind = Some(length),
            State::New(Output::Stdout, _) => {}
            State::Writing(_) | State::Failed(_) => panic!("`go_on_behind` comes before the first poll"),
        }
    }

    /// Whether it will be written behind what is in the file.
    pub(crate) fn appends(&self) -> bool {
        matches!(self.state, State::New(Output::File { append: true, .. }, None))
    }

    /// Where the first byte that is sent stands in the file; known once the output is open.
    pub fn begins_at(&self) -> u64 {
        self.begins_at
    }

    /// Makes durable what was sent; it is once a [`poll_flush`](BlockWriter::poll_flush) after it is ready.
    ///
    /// # Panics
    ///
    /// If `poll_ready` did not say before that there is room.
    pub fn start_sync(&mut self) {
        match &mut self.state {
            State::Writing(link) => link.send(Work::Sync),
            State::New(..) => panic!("`start_sync` needs a `poll_ready` before it"),
            State::Failed(_) => {}
        }
    }

    /// Waits until the output is open and takes one more buffer.
    ///
    /// # Errors
    ///
    /// The [`WriteError`] that ended the writing, now or earlier.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.poll_until(cx, |link| link.opened && link.in_flight < IN_FLIGHT)
    }

    /// Sends a buffer to be written; errors come with the next poll.
    ///
    /// # Panics
    ///
    /// If `poll_ready` did not say before that there is room.
    pub fn start_send(&mut self, buffer: Vec<u8>) {
        match &mut self.state {
            State::Writing(link) => link.send(Work::Write(buffer)),
            State::New(..) => panic!("`start_send` needs a `poll_ready` before it"),
            State::Failed(_) => {}
        }
    }

    /// Waits until the output is open, and everything sent is written and flushed.
    ///
    /// # Errors
    ///
    /// The [`WriteError`] that ended the writing, now or earlier.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.poll_until(cx, |link| link.opened && link.in_flight == 0)
    }

    /// An empty buffer, one that was written before if there is one.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes the thread's answers, having started it, until `reached`.
    fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        reached: impl Fn(&Link) -> bool,
    ) -> Poll<Result<(), WriteError>> {
        loop {
            match &mut self.state {
                State::New(output, behind) => {
                    self.state = start(output.clone(), *behind).map_or_else(State::Failed, State::Writing);
                }
                State::Writing(link) if reached(link) => return Poll::Ready(Ok(())),
                State::Writing(link) => match ready!(link.poll_answer(cx)) {
                    Ok(Answer::Opened { length }) => {
                        self.begins_at = length;
                        link.opened = true;
                    }
                    Ok(Answer::Written(buffer)) => {
                        link.in_flight -= 1;
                        self.spare.push(buffer);
                    }
                    Ok(Answer::Synced) => link.in_flight -= 1,
                    Err(error) => self.state = State::Failed(error),
                },
                State::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }
}

impl Drop for BlockWriter {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::New(Output::Stdout, None));
        if let State::Writing(Link { buffers, thread: Some(thread), is_awaited: true, .. }) = state {
            drop(buffers);
            // Had it panicked, a poll would have said so.
            let _ = thread.join();
        }
    }
}

impl Link {
    fn send(&mut self, work: Work) {
        assert!(self.in_flight < IN_FLIGHT, "`start_send` needs a `poll_ready` before it");
        self.in_flight += 1;
        // There is room, since the channel holds as many as may be in flight. If the thread is gone, its last answer
        // says why, and waits to be polled.
        let _ = self.buffers.try_send(work);
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, WriteError>> {
        if let Some(answer) = ready!(self.answers.poll_recv(cx)) {
            return Poll::Ready(answer);
        }
        super::join(self.thread.take());
        unreachable!("the thread that writes ended without an error while its writer was there")
    }
}

fn start(output: Output, behind: Option<u64>) -> Result<Link, WriteError> {
    let (buffers, work) = sync_channel(IN_FLIGHT);
    let (done, answers) = unbounded_channel();
    let name = output.clone();
    // What is there and no file may be a pipe.
    let is_awaited = match &output {
        Output::File { path, .. } => std::fs::metadata(path).map_or(true, |found| found.is_file()),
        Output::Stdout => false,
    };
    let thread = thread::Builder::new()
        .name("block-writer".to_owned())
        .spawn(move || write_all(&output, behind, &work, &done))
        .map_err(|source| WriteError::Create { output: name, source: source.into() })?;
    Ok(Link { buffers, answers, opened: false, in_flight: 0, thread: Some(thread), is_awaited })
}

/// The thread's work: opens the output and writes buffers until no more can come or one fails.
///
/// Answers to a writer that is gone are lost, and the buffers that it left behind are written all the same.
fn write_all(
    output: &Output,
    behind: Option<u64>,
    work: &Receiver<Work>,
    answers: &UnboundedSender<Result<Answer, WriteError>>,
) {
    let result = match output {
        Output::Stdout => write_buffers(output, io::stdout(), 0, |_| Ok(()), work, answers),
        Output::File { path, append } => match open(path, *append, behind) {
            Ok((file, length)) => {
                let mut is_entered = false;
                let sync = |file: &mut File| {
                    file.sync_data()?;
                    // A new file is as durable as the directory that it is entered in.
                    if let (false, Some(folder)) = (std::mem::replace(&mut is_entered, true), path.parent()) {
                        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                        File::open(folder)?.sync_all()?;
                    }
                    Ok(())
                };
                write_buffers(output, file, length, sync, work, answers)
            }
            Err(source) => Err(WriteError::Create { output: output.clone(), source: source.into() }),
        },
    };
    if let Err(error) = result {
        let _ = answers.send(Err(error));
    }
}

/// Opens a file, and gives how much of it is kept.
fn open(path: &Path, append: bool, behind: Option<u64>) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    if let Some(length) = behind {
        let mut file = options.write(true).open(path)?;
        let found = file.metadata()?.len();
        if found < length {
            let reason = format!("expected the {length} bytes that were committed, found {found}");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        if found > length {
            file.set_len(length)?;
        }
        file.seek(SeekFrom::Start(length))?;
        return Ok((file, length));
    }
    match append {
        true => options.append(true),
        false => options.write(true).truncate(true),
    };
    let file = options.create(true).open(path)?;
    let length = if append { file.metadata()?.len() } else { 0 };
    Ok((file, length))
}

fn write_buffers<W: Write>(
    output: &Output,
    mut sink: W,
    length: u64,
    mut sync: impl FnMut(&mut W) -> io::Result<()>,
    work: &Receiver<Work>,
    answers: &UnboundedSender<Result<Answer, WriteError>>,
) -> Result<(), WriteError> {
    let _ = answers.send(Ok(Answer::Opened { length }));
    let mut offset = 0;
    for work in work {
        let failed =
            |source: io::Error| WriteError::Write { output: output.clone(), offset, source: source.into() };
        let mut buffer = match work {
            Work::Write(buffer) => buffer,
            Work::Sync => {
                sync(&mut sink).map_err(failed)?;
                let _ = answers.send(Ok(Answer::Synced));
                continue;
            }
        };
        let written = sink.write_all(&buffer).and_then(|()| sink.flush());
        written.map_err(failed)?;
        offset += buffer.len() as u64;
        buffer.clear();
        let _ = answers.send(Ok(Answer::Written(buffer)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{TempPath, block_on};
    use std::error::Error;
    use std::future::poll_fn;

    fn file(path: &Path, append: bool) -> BlockWriter {
        let path = path.to_owned();
        BlockWriter::new(Output::File { path, append })
    }

    fn send(writer: &mut BlockWriter, text: &str) -> Result<(), WriteError> {
        block_on(poll_fn(|cx| writer.poll_ready(cx)))?;
        let mut buffer = writer.buffer();
        assert!(buffer.is_empty());
        buffer.extend_from_slice(text.as_bytes());
        writer.start_send(buffer);
        Ok(())
    }

    fn flush(writer: &mut BlockWriter) -> Result<(), WriteError> {
        block_on(poll_fn(|cx| writer.poll_flush(cx)))
    }

    fn content(path: &Path) -> String {
        std::fs::read_to_string(path).expect("the file was written")
    }

    /// A writer whose thread writes to `sink`.
    fn writer_to(sink: impl Write + Send + 'static) -> BlockWriter {
        let (buffers, work) = sync_channel(IN_FLIGHT);
        let (done, answers) = unbounded_channel();
        let thread = thread::spawn(move || {
            if let Err(error) = write_buffers(&Output::Stdout, sink, 0, |_| Ok(()), &work, &done) {
                done.send(Err(error)).expect("the writer waits");
            }
        });
        let thread = Some(thread);
        let link = Link { buffers, answers, opened: false, in_flight: 0, thread, is_awaited: false };
        BlockWriter { state: State::Writing(link), spare: Vec::new(), begins_at: 0 }
    }

    #[test]
    fn flushed_buffers_are_in_the_file_in_order() {
        let path = TempPath::new();
        let mut writer = file(&path.0, false);
        for number in 0..100 {
            send(&mut writer, &format!("{number},")).expect("a temporary file");
        }
        flush(&mut writer).expect("a temporary file");
        let expected: String = (0..100).map(|number| format!("{number},")).collect();
        assert_eq!(content(&path.0), expected);
        send(&mut writer, "more").expect("a temporary file");
        flush(&mut writer).expect("a temporary file");
        assert_eq!(content(&path.0), expected + "more");
    }

    #[test]
    fn file_is_truncated_or_kept() {
        let path = TempPath::new();
        for (append, expected) in [(false, "new"), (true, "newnew"), (false, "new")] {
            let mut writer = file(&path.0, append);
            send(&mut writer, "new").expect("a temporary file");
            flush(&mut writer).expect("a temporary file");
            assert_eq!(content(&path.0), expected);
        }
    }

    #[test]
    fn nothing_is_touched_before_the_first_poll_and_flush_alone_creates_the_file() {
        let path = TempPath::new();
        let mut writer = file(&path.0, false);
        assert!(!path.0.exists());
        flush(&mut writer).expect("a temporary file");
        assert_eq!(content(&path.0), "");
    }

    #[test]
    fn file_that_cannot_be_created_is_an_error_on_every_poll() {
        let path = TempPath::new().0.join("no such directory");
        let mut writer = file(&path, false);
        for result in [send(&mut writer, "x"), flush(&mut writer), send(&mut writer, "y")] {
            let error = result.expect_err("the directory does not exist");
            assert_eq!(error.to_string(), format!("cannot create `{}`", path.display()));
            assert!(error.source().is_some() && !error.is_broken_pipe());
        }
    }

    #[test]
    fn buffers_come_back_empty_and_with_their_memory() {
        let path = TempPath::new();
        let mut writer = file(&path.0, false);
        block_on(poll_fn(|cx| writer.poll_ready(cx))).expect("a temporary file");
        let buffer = Vec::from("x".repeat(1000));
        let address = buffer.as_ptr();
        writer.start_send(buffer);
        flush(&mut writer).expect("a temporary file");
        let again = writer.buffer();
        assert!(again.is_empty() && again.as_ptr() == address);
    }

    #[test]
    fn broken_pipe_is_told_and_kept() {
        let (reader, pipe) = io::pipe().expect("a pipe");
        let mut writer = writer_to(pipe);
        send(&mut writer, "12345").expect("there is room");
        flush(&mut writer).expect("the pipe holds it");
        drop(reader);
        send(&mut writer, "lost").expect("not written yet");
        let error = flush(&mut writer).expect_err("nobody reads");
        assert!(error.is_broken_pipe());
        assert_eq!(error.to_string(), "cannot write `stdout` after byte 5");
        assert!(send(&mut writer, "lost").is_err_and(|error| error.is_broken_pipe()));
    }

    /// Writes when it is told to.
    struct Gate(std::sync::mpsc::Receiver<()>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_more_than_the_credit_is_taken() {
        let (open, gate) = std::sync::mpsc::channel();
        let mut writer = writer_to(Gate(gate));
        for _ in 0..IN_FLIGHT {
            send(&mut writer, "x").expect("there is room");
        }
        let waker = std::task::Waker::noop();
        let mut cx = Context::from_waker(waker);
        assert!(writer.poll_ready(&mut cx).is_pending());
        assert!(writer.poll_flush(&mut cx).is_pending());
        open.send(()).expect("the thread waits");
        block_on(poll_fn(|cx| writer.poll_ready(cx))).expect("one is written");
        assert!(writer.poll_flush(&mut cx).is_pending());
        open.send(()).expect("the thread waits");
        flush(&mut writer).expect("both are written");
    }

    #[test]
    fn dropped_writer_of_a_file_has_written_its_buffers() {
        let path = TempPath::new();
        let mut writer = file(&path.0, false);
        send(&mut writer, "last words").expect("a temporary file");
        drop(writer);
        assert_eq!(content(&path.0), "last words");
    }

    #[test]
    #[should_panic(expected = "`start_send` needs a `poll_ready` before it")]
    fn sending_without_asking_panics() {
        file(Path::new("never created"), false).start_send(Vec::new());
    }
}
