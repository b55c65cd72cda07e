//! The worker's loop.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::machine::{Command, Machine, Panicked, Reply};
use crate::operator::{Cause, Flush};

/// After so many batches in a row the worker lets other tasks of its thread run.
const BATCHES_PER_TURN: u32 = 32;

/// How a graph is driven.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The most rows taken from a source at a time.
    pub(crate) batch: usize,
    /// How many sources there are.
    pub(crate) sources: usize,
}

/// The node that gave up, and why.
pub(crate) type Failure = (usize, Cause);

/// Drives a machine to its end, or until `stop` is ready: then it drains.
pub(crate) async fn drive<F, R>(
    machine: &mut Machine<F, R>,
    settings: Settings,
    stop: impl Future<Output = ()>,
) -> Result<R, Failure>
where
    F: FnMut(Command<'_, '_, R>) -> Reply,
{
    let mut worker = Worker::new(machine, settings);
    let outcome = worker.run(std::pin::pin!(stop)).await;
    if let Err((_, cause)) = &outcome
        && !cause.is::<Panicked>()
    {
        // What passed before the failure is in the sinks' buffers still; a second failure is no news.
        let _ = poll_fn(|context| worker.flush(Flush::Close, context)).await;
    }
    outcome?;
    Ok(worker.machine.finish().expect("a machine yields its result once"))
}

struct Worker<'m, F, R> {
    machine: &'m mut Machine<F, R>,
    batch: usize,
    /// The sources that have not ended.
    open: Vec<usize>,
    /// Where in `open` to look first: after the source that was taken last (rule J4).
    next: usize,
    draining: bool,
    turn: u32,
}

/// What there is to run.
enum Taken {
    Woken,
    Source(usize),
}

impl<'m, F, R> Worker<'m, F, R>
where
    F: FnMut(Command<'_, '_, R>) -> Reply,
{
    fn new(machine: &'m mut Machine<F, R>, settings: Settings) -> Self {
        let open = (0..settings.sources).collect();
        Worker { machine, batch: settings.batch, open, next: 0, draining: false, turn: 0 }
    }

    async fn run(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<(), Failure> {
        // A sink that cannot be opened says so before the first row.
        poll_fn(|context| self.flush(Flush::Idle, context)).await?;
        while let Some(taken) = poll_fn(|context| self.look(context, stop.as_mut())).await? {
            self.step(taken)?;
            self.turn = (self.turn + 1) % BATCHES_PER_TURN;
            // Now and then whatever the sinks hold goes out, however busy the sources are.
            let flush = if self.turn == 0 { Flush::Idle } else { Flush::Batch };
            poll_fn(|context| self.flush(flush, context)).await?;
            self.draining |= self.machine.is_gone();
            if self.turn == 0 {
                yield_now().await;
            }
        }
        poll_fn(|context| self.flush(Flush::Close, context)).await
    }

    /// Finds what to run next; `None` once there is nothing more to come.
    fn look(
        &mut self,
        context: &mut Context<'_>,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Poll<Result<Option<Taken>, Failure>> {
        if !self.draining && stop.poll(context).is_ready() {
            self.draining = true;
        }
        if ready(self.machine.poll_wake(context))? {
            return Poll::Ready(Ok(Some(Taken::Woken)));
        }
        if self.open.is_empty() && self.machine.is_idle() {
            return Poll::Ready(Ok(None));
        }
        if let Some(source) = self.ready_source(context)? {
            return Poll::Ready(Ok(Some(Taken::Source(source))));
        }
        // About to park: nothing may be kept waiting in a sink.
        if let Poll::Ready(flushed) = self.flush(Flush::Idle, context) {
            flushed?;
        }
        Poll::Pending
    }

    /// The next source, in turn, that has a batch.
    fn ready_source(&mut self, context: &mut Context<'_>) -> Result<Option<usize>, Failure> {
        for i in 0..self.open.len() {
            let at = (self.next + i) % self.open.len();
            if self.draining || ready(self.machine.poll_source(self.open[at], context))? {
                self.next = at + 1;
                return Ok(Some(self.open[at]));
            }
        }
        Ok(None)
    }

    fn step(&mut self, taken: Taken) -> Result<(), Failure> {
        let source = match taken {
            Taken::Woken => None,
            Taken::Source(source) => Some(source),
        };
        match self.machine.run(source, self.batch, self.draining) {
            Reply::Ended => self.close(source),
            reply => checked(reply)?,
        }
        Ok(())
    }

    fn close(&mut self, source: Option<usize>) {
        if let Some(at) = self.open.iter().position(|&open| Some(open) == source) {
            self.open.remove(at);
            // The source after it has moved into its place.
            self.next = at;
        }
    }

    /// Flushes the sinks; calls that are under way go on meanwhile.
    fn flush(&mut self, flush: Flush, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        match self.machine.poll_flush(flush, context) {
            Reply::Failed { node, cause } => Poll::Ready(Err((node, cause))),
            Reply::Pending => {
                // What finishes meanwhile waits in its slot for the next look.
                ready(self.machine.poll_wake(context))?;
                Poll::Pending
            }
            Reply::Ready | Reply::Ended => Poll::Ready(Ok(())),
        }
    }
}

/// Lets other tasks of the thread run.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn ready(reply: Reply) -> Result<bool, Failure> {
    match reply {
        Reply::Failed { node, cause } => Err((node, cause)),
        Reply::Pending => Ok(false),
        Reply::Ready | Reply::Ended => Ok(true),
    }
}

fn checked(reply: Reply) -> Result<(), Failure> {
    ready(reply).map(|_| ())
}
