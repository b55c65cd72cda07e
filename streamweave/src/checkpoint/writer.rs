//! Who writes checkpoints while the graph goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::error::CheckpointError;
use super::manifest::Manifest;
use super::store::{Published, Store};
use crate::state::Part;

/// More bytes than these do not wait for the thread that writes them, as long as the graph has something else to do.
const BACKLOG: u64 = 16 << 20;

/// Writes the parts of a checkpoint as they come, and publishes it when told to.
#[derive(Debug)]
pub(crate) enum Writer {
    /// On a thread of its own: the graph waits for nothing.
    Thread {
        /// `None` once it is to end.
        jobs: Option<Sender<Job>>,
        answers: UnboundedReceiver<Answer>,
        /// How many bytes wait to be written.
        waiting: Arc<AtomicU64>,
        thread: Option<JoinHandle<()>>,
    },
    /// In place, step by step: for tests, in which nothing may happen by itself.
    InPlace { desk: Box<Desk>, answer: Option<Result<Published, CheckpointError>> },
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Job {
    Write(Vec<Part>),
    /// Publish what was written under this manifest; it is all that there is, or what has changed.
    Publish(Box<Manifest>, bool),
    Discard,
}

impl Job {
    /// How many bytes it is about.
    fn bytes(&self) -> u64 {
        match self {
            Job::Write(parts) => parts.iter().map(|part| part.bytes.len() as u64).sum(),
            Job::Publish(..) | Job::Discard => 0,
        }
    }
}

/// What the thread has to say.
#[derive(Debug)]
pub(crate) enum Answer {
    Checkpoint(Result<Published, CheckpointError>),
    /// The backlog is gone.
    Room,
}

/// A store, and what went wrong since the last checkpoint.
#[derive(Debug)]
pub(crate) struct Desk {
    store: Store,
    failed: Option<CheckpointError>,
}

impl Desk {
    fn new(store: Store) -> Self {
        Desk { store, failed: None }
    }

    /// Does a job; gives what came of a checkpoint.
    fn work(&mut self, job: Job) -> Option<Result<Published, CheckpointError>> {
        match job {
            Job::Write(parts) => {
                if self.failed.is_none() {
                    self.failed = parts.iter().try_for_each(|part| self.store.write(part)).err();
                }
                None
            }
            Job::Publish(manifest, full) => Some(match self.failed.take() {
                None => self.store.publish(*manifest, full).inspect_err(|_| self.store.discard()),
                Some(failed) => {
                    self.store.discard();
                    Err(failed)
                }
            }),
            Job::Discard => {
                self.failed = None;
                self.store.discard();
                None
            }
        }
    }

    /// What can wait until a checkpoint has been told of. Where it fails nothing is lost: it is tried again behind the next.
    fn tidy(&mut self) {
        if let Err(error) = self.store.tidy() {
            tracing::warn!(%error, "old checkpoints could not be removed");
        }
    }
}

impl Writer {
    /// A writer on a thread of its own.
    pub(crate) fn on_thread(store: Store) -> std::io::Result<Self> {
        let (jobs, work) = mpsc::channel();
        let (done, answers) = unbounded_channel();
        let waiting = Arc::new(AtomicU64::new(0));
        let left = Arc::clone(&waiting);
        let thread = thread::Builder::new()
            .name("checkpoint-writer".to_owned())
            .spawn(move || write_all(Desk::new(store), &work, &done, &left))?;
        Ok(Writer::Thread { jobs: Some(jobs), answers, waiting, thread: Some(thread) })
    }

    /// A writer that works when it is called.
    pub(crate) fn in_place(store: Store) -> Self {
        Writer::InPlace { desk: Box::new(Desk::new(store)), answer: None }
    }

    /// Gives a job.
    pub(crate) fn send(&mut self, job: Job) {
        match self {
            Writer::Thread { jobs, waiting, .. } => {
                waiting.fetch_add(job.bytes(), Ordering::SeqCst);
                // It ends when this is dropped, and not before, unless it panicked: then there is no answer.
                let _ = jobs.as_ref().map(|jobs| jobs.send(job));
            }
            Writer::InPlace { desk, answer } => {
                if let Some(done) = desk.work(job) {
                    desk.tidy();
                    *answer = Some(done);
                }
            }
        }
    }

    /// Ready unless too many bytes wait to be written.
    pub(crate) fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Writer::Thread { waiting, .. } = self
            && waiting.load(Ordering::SeqCst) > BACKLOG
        {
            std::task::ready!(self.poll_thread(context));
        }
        Poll::Ready(())
    }

    /// The next that the thread has to say.
    fn poll_thread(&mut self, context: &mut Context<'_>) -> Poll<Answer> {
        let Writer::Thread { answers, thread, .. } = self else { return Poll::Pending };
        if let Some(answer) = std::task::ready!(answers.poll_recv(context)) {
            return Poll::Ready(answer);
        }
        if let Some(thread) = thread.take()
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
        unreachable!("the thread that writes checkpoints ended while its graph was there")
    }

    /// What came of the checkpoint that was to be published.
    pub(crate) fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Published, CheckpointError>> {
        if let Writer::InPlace { answer, .. } = self {
            return answer.take().map_or(Poll::Pending, Poll::Ready);
        }
        loop {
            if let Answer::Checkpoint(answer) = std::task::ready!(self.poll_thread(context)) {
                return Poll::Ready(answer);
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Writer::Thread { jobs, thread, .. } = self {
            *jobs = None;
            // The storage is free again once the graph is gone: whoever starts it anew need not wait.
            if let Some(thread) = thread.take()
                && thread.join().is_err()
            {
                tracing::error!("the thread that writes checkpoints panicked");
            }
        }
    }
}

fn write_all(mut desk: Desk, work: &Receiver<Job>, answers: &UnboundedSender<Answer>, waiting: &AtomicU64) {
    while let Ok(job) = work.recv() {
        let bytes = job.bytes();
        if let Some(answer) = desk.work(job) {
            // A graph that is gone does not want to know.
            let _ = answers.send(Answer::Checkpoint(answer));
            desk.tidy();
        }
        let before = waiting.fetch_sub(bytes, Ordering::SeqCst);
        if before > BACKLOG && before - bytes <= BACKLOG {
            let _ = answers.send(Answer::Room);
        }
    }
}
