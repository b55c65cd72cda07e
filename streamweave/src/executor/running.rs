//! A graph, and a graph at work.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::machine::{Command, Machine, Panicked, Reply};
use super::worker::{Settings, drive};
use crate::graph::{Error, Report, Topology};

/// How many rows are taken from a source at a time, unless [`Graph::batch`] says otherwise.
const DEFAULT_BATCH: usize = 1024;

/// A graph that is wired and has not run yet: what `graph!` evaluates to.
///
/// It runs inside the caller's own task, on any executor, with [`run`](Graph::run), or as a tokio
/// task with [`spawn`](Graph::spawn). The result is a struct with one field for each named sink.
#[must_use = "a graph does nothing until it is run"]
pub struct Graph<F, R> {
    machine: Machine<F, R>,
    topology: Topology,
    batch: usize,
}

impl<F, R> fmt::Debug for Graph<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("topology", &self.topology).field("batch", &self.batch).finish()
    }
}

/// The result of a run, as `graph!` declares it.
pub trait Yielded {
    /// Hands over the books.
    fn set_report(&mut self, report: Report);
}

impl<F, R> Graph<F, R>
where
    F: FnMut(Command<'_, '_, R>) -> Reply,
    R: Yielded,
{
    /// A graph of a machine and the topology that it was compiled from.
    #[doc(hidden)]
    pub fn new(topology: Topology, obey: F) -> Self {
        Graph { machine: Machine::new(obey), topology, batch: DEFAULT_BATCH }
    }

    /// Takes at most so many rows from a source at a time; at least one.
    ///
    /// Results do not depend on it (rule Z1), only latency and speed do; with several sources, which
    /// take turns batch by batch, the order in which they meet does.
    pub fn batch(mut self, rows: usize) -> Self {
        self.batch = rows.max(1);
        self
    }

    /// What the graph is made of.
    pub fn topology(&self) -> Topology {
        self.topology
    }

    /// Runs the graph to its end, in the caller's task.
    ///
    /// Dropping the future aborts the graph.
    ///
    /// # Errors
    ///
    /// [`Error`], where a source cannot be read or a sink cannot be written.
    pub async fn run(self) -> Result<R, Error> {
        self.run_until(std::future::pending()).await
    }

    /// Runs the graph to its end, or until `stop` is ready: then it drains.
    ///
    /// A graph that drains takes no more input, treats its sources as ended, so that every window
    /// fires, and flushes its sinks.
    ///
    /// # Errors
    ///
    /// As [`run`](Graph::run).
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<R, Error> {
        let settings = Settings { batch: self.batch, sources: self.topology.sources() };
        let name = |node: usize| self.topology.nodes[node].name;
        if let Reply::Failed { node, cause } = self.machine.validate() {
            return Err(Error::Invalid { node: name(node), cause });
        }
        match drive(&mut self.machine, settings, stop).await {
            Ok(mut result) => {
                let mut report = Report::default();
                self.machine.report(&mut report);
                result.set_report(report);
                Ok(result)
            }
            Err((node, cause)) => Err(match cause.downcast::<Panicked>() {
                Ok(panicked) => Error::Panicked { node: name(node), message: panicked.message },
                Err(cause) => Error::Failed { node: name(node), cause },
            }),
        }
    }

    /// Runs the graph as a task of the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn(self) -> Running<R>
    where
        F: Send + 'static,
        R: Send + 'static,
    {
        let (drain, stop) = oneshot::channel();
        let task = tokio::spawn(self.run_until(async {
            // A handle that is dropped aborts the task; it does not drain it.
            if stop.await.is_err() {
                std::future::pending().await
            }
        }));
        Running { task, drain: Some(drain) }
    }
}

/// A graph at work in a task of its own: a future of its result. Dropping it aborts the graph.
#[must_use = "dropping the handle aborts the graph"]
#[derive(Debug)]
pub struct Running<R> {
    task: JoinHandle<Result<R, Error>>,
    drain: Option<oneshot::Sender<()>>,
}

impl<R> Running<R> {
    /// Asks the graph to drain: see [`Graph::run_until`]. The handle still gives the result.
    pub fn drain(&mut self) {
        if let Some(drain) = self.drain.take() {
            // A graph that has ended by itself has nothing left to drain.
            let _ = drain.send(());
        }
    }

    /// Stops the graph at once; what is not flushed is lost.
    pub fn abort(&self) {
        self.task.abort();
    }
}

impl<R> Future for Running<R> {
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(context).map(|joined| joined?)
    }
}

impl<R> Drop for Running<R> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
