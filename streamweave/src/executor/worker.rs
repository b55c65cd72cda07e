//! The worker's loop.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::machine::{Command, Machine, Reply};
use crate::operator::{Cause, Disconnected, Flush};

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
    match worker.run(std::pin::pin!(stop)).await {
        Err((_, cause)) if cause.is::<Disconnected>() => worker.drain_quietly().await?,
        outcome => outcome?,
    }
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
        while let Some(taken) = poll_fn(|context| self.look(context, stop.as_mut())).await? {
            self.step(taken)?;
            poll_fn(|context| self.flush(Flush::Batch, context)).await?;
            self.yield_now().await;
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

    /// A reader has gone away: the rest of the graph drains. More of the same is no news.
    async fn drain_quietly(&mut self) -> Result<(), Failure> {
        self.draining = true;
        loop {
            let mut never = std::future::pending();
            match self.run(Pin::new(&mut never)).await {
                Err((_, cause)) if cause.is::<Disconnected>() => {}
                outcome => return outcome,
            }
        }
    }

    async fn yield_now(&mut self) {
        self.turn += 1;
        if self.turn < BATCHES_PER_TURN {
            return;
        }
        self.turn = 0;
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
