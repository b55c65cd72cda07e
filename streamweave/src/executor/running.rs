//! A graph, and a graph at work.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::checkpointing::Asked;
use super::machine::{Command, Machine, Reply};
use super::schedule::Schedule;
use super::watch::{Arrival, NoSuchNode, Watch};
use super::worker::{Request, Requests, RowsTaken, Settings, Worker, drive};
use crate::checkpoint::{Checkpoints, Published};
use crate::graph::{Error, Explanation, Report, Topology};
use crate::time::{Clock, Moment, Reached, SystemClock, TimeDelta};

/// How many rows are taken from a source at a time, unless [`Graph::batch`] says otherwise.
const DEFAULT_BATCH: usize = 1024;

/// A graph that is wired and has not run yet: what `graph!` evaluates to.
///
/// It runs inside the caller's own task, on any executor, with [`run`](Graph::run), or as a tokio
/// task with [`spawn`](Graph::spawn). The result is a struct with one field for each named sink.
#[must_use = "a graph does nothing until it is run"]
pub struct Graph<F, R, C = SystemClock, G = Volatile> {
    machine: Machine<F, R>,
    settings: Settings<C>,
    guarantee: PhantomData<fn() -> G>,
}

/// A graph that keeps nothing: the type parameter of a [`Graph`] that says nothing about it.
#[derive(Clone, Copy, Debug)]
pub struct Volatile;

/// A graph that says `#![durable]`: every row counts at least once.
#[derive(Clone, Copy, Debug)]
pub struct AtLeastOnce;

/// A graph that says `#![durable = exactly_once]`: what it has written in the end is what it would have written without a crash.
#[derive(Clone, Copy, Debug)]
pub struct ExactlyOnce;

/// What a graph that keeps its state promises: see [`checkpoint`](crate::checkpoint).
#[diagnostic::on_unimplemented(
    message = "the graph keeps no state: it does not say `#![durable]`",
    label = "needs a graph that is durable",
    note = "write `#![durable]` or `#![durable = exactly_once]` in the first line of the graph"
)]
pub trait Guarantee {}

impl Guarantee for AtLeastOnce {}
impl Guarantee for ExactlyOnce {}

/// What of a graph survives when it is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// It begins anew.
    Nothing,
    /// What it had at its last checkpoint.
    Checkpoint,
    /// All that counts.
    Everything,
}

/// [`Survival`] by what a graph says of itself: [`Volatile`], [`AtLeastOnce`] or [`ExactlyOnce`].
pub trait Survives {
    /// What survives where the graph is given its checkpoints.
    const SURVIVAL: Survival;
}

impl Survives for Volatile {
    const SURVIVAL: Survival = Survival::Nothing;
}

impl Survives for AtLeastOnce {
    const SURVIVAL: Survival = Survival::Checkpoint;
}

impl Survives for ExactlyOnce {
    const SURVIVAL: Survival = Survival::Everything;
}

/// What a graph that failed loses when it is started again.
#[derive(Debug)]
pub(crate) struct Losses {
    pub(crate) survival: Survival,
    pub(crate) taken: Vec<RowsTaken>,
}

impl<F, R, C: fmt::Debug, G> fmt::Debug for Graph<F, R, C, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The result of a run, as `graph!` declares it.
pub trait Yielded {
    /// Hands over the books.
    fn set_report(&mut self, report: Report);
}

impl<F, R, G> Graph<F, R, SystemClock, G>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    R: Yielded,
{
    /// A graph of a machine and the topology that it was compiled from.
    #[doc(hidden)]
    pub fn new(topology: Topology, obey: F) -> Self {
        let settings = Settings {
            topology,
            batch: DEFAULT_BATCH,
            clock: SystemClock::new(),
            schedule: Schedule::in_turn(),
            drain_within: None,
            checkpoints: None,
        };
        Graph { machine: Machine::new(obey), settings, guarantee: PhantomData }
    }
}

impl<F, R, C, G> Graph<F, R, C, G>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    R: Yielded,
    C: Clock,
{
    /// Takes at most so many rows from a source at a time; at least one.
    ///
    /// Results do not depend on it (rule Z1), only latency and speed do; with several sources, which
    /// take turns batch by batch, the order in which they meet does.
    pub fn batch(mut self, rows: usize) -> Self {
        self.settings.batch = rows.max(1);
        self
    }

    /// Reads another clock than the system's: a [`ManualClock`](crate::time::ManualClock) in tests.
    pub fn clock<K: Clock>(self, clock: K) -> Graph<F, R, K, G> {
        let Settings { topology, batch, schedule, drain_within, checkpoints, .. } = self.settings;
        let settings = Settings { topology, batch, clock, schedule, drain_within, checkpoints };
        Graph { machine: self.machine, settings, guarantee: PhantomData }
    }

    /// Keeps the state of the graph: goes on from the last checkpoint there is, and takes more.
    ///
    /// The last checkpoint is restored when the graph is run, in the task that runs it, before the first row. A graph that
    /// has come to its end and is run again does nothing and gives the same result.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self
    where
        G: Guarantee,
    {
        self.settings.checkpoints = Some(Box::new(checkpoints));
        self
    }

    /// Draws from `seed` what is otherwise a matter of turns: which source is next, and how many rows
    /// are taken from it.
    ///
    /// The same seed gives the same run (rule K10) as far as the world outside does not interfere; see
    /// [`testing`](crate::testing) for a world that does not.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.schedule = Schedule::drawn(seed);
        self
    }

    /// Bounds how long the graph may take to drain, or to write what it has after a failure (rule J8).
    ///
    /// Once that has passed the run ends with [`Error::Stuck`], which names the nodes that hold it up;
    /// what is not written then is lost. Without a bound it waits for as long as it takes. A bound
    /// needs a tokio runtime with time enabled, or a clock of its own.
    pub fn drain_within(mut self, within: TimeDelta) -> Self {
        self.settings.drain_within = Some(within);
        self
    }

    /// What drives the graph.
    pub(crate) fn into_worker(self) -> Worker<F, R, C> {
        Worker::new(self.machine, self.settings, None)
    }

    /// What the graph is made of.
    pub fn topology(&self) -> Topology {
        self.settings.topology
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
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<R, Error> {
        self.run_heeding(stop, None).await
    }

    async fn run_heeding(
        self,
        stop: impl Future<Output = ()>,
        requests: Option<Requests>,
    ) -> Result<R, Error> {
        self.run_noting(stop, requests, &mut Vec::new()).await
    }

    async fn run_noting(
        self,
        stop: impl Future<Output = ()>,
        requests: Option<Requests>,
        taken: &mut Vec<RowsTaken>,
    ) -> Result<R, Error> {
        let Graph { mut machine, settings, .. } = self;
        if let Reply::Failed { node, cause } = machine.validate() {
            return Err(Error::Invalid { node: settings.topology.nodes[node].name, cause });
        }
        drive(machine, settings, stop, requests, taken).await
    }

    /// Runs the graph for a supervisor: in the caller's task, with what it would lose if it were started again.
    pub(crate) async fn run_supervised(self, requests: Requests) -> (Result<R, Error>, Losses)
    where
        G: Survives,
    {
        let survival = match self.settings.checkpoints {
            Some(_) => G::SURVIVAL,
            None => Survival::Nothing,
        };
        let mut taken = Vec::new();
        let outcome = self.run_noting(std::future::pending(), Some(requests), &mut taken).await;
        (outcome, Losses { survival, taken })
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
        C: Send + 'static,
        G: 'static,
    {
        let (requests, heeded) = mpsc::unbounded_channel();
        let topology = self.settings.topology;
        let task = tokio::spawn(self.run_heeding(std::future::pending(), Some(heeded)));
        Running { task, requests, topology }
    }
}

/// A graph at work in a task of its own: a future of its result. Dropping it aborts the graph.
#[must_use = "dropping the handle aborts the graph"]
#[derive(Debug)]
pub struct Running<R> {
    task: JoinHandle<Result<R, Error>>,
    requests: mpsc::UnboundedSender<Request>,
    topology: Topology,
}

impl<R> Running<R> {
    /// Asks the graph to drain: see [`Graph::run_until`]. The handle still gives the result.
    ///
    /// A graph with checkpoints cannot go on from there: its windows have fired before their time (rule J7). One that ends
    /// because all who received its rows have gone can, from the last checkpoint before.
    pub fn drain(&self) {
        // A graph that has ended by itself has nothing left to drain.
        let _ = self.requests.send(Request::Drain);
    }

    /// How each node is, as soon as the batch at hand is done: how far it has come, and what it waits
    /// for. `None` once the graph has ended.
    ///
    /// A graph answers while its sinks are slow, too. It costs nothing unless it is asked.
    pub async fn explain(&self) -> Option<Explanation> {
        let (answer, explained) = oneshot::channel();
        self.requests.send(Request::Explain(answer)).ok()?;
        explained.await.ok()
    }

    /// How far the graph has come: the least frontier of what has entered its sinks; the end once the
    /// graph has ended.
    pub async fn frontier(&self) -> Reached {
        self.explain().await.map_or(Reached::End, |explanation| explanation.frontier())
    }

    /// Waits until the graph has come to a time: nothing before it is still to enter its sinks
    /// ([`frontier`](Running::frontier)). What has entered them may not be written yet.
    ///
    /// A graph whose streams have times of another type, or none, is there once it has ended. Where the graph does not get there
    /// [`Explanation::holder`] says who holds it. It costs a look at every node after each batch for as long as somebody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::executor::Arrival;
    /// use streamweave::prelude::*;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (sender, receiver) = tokio::sync::mpsc::channel(4);
    /// let running = graph! {
    ///     seconds = from_channel(receiver);
    ///     seconds -> event_time(|s| EventTime::from_secs(*s), ascending()) -> latest;
    ///     latest = last();
    /// }
    /// .spawn();
    /// sender.send(60).await?;
    /// assert_eq!(running.reached(EventTime::from_secs(50)).await, Arrival::Reached);
    /// drop(sender);
    /// assert_eq!(running.reached(EventTime::from_secs(70)).await, Arrival::Ended);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn reached(&self, time: impl Into<Moment>) -> Arrival {
        self.watch(None, time.into()).await
    }

    /// Waits until nothing before a time is still to enter a node, or to leave it, where it is a source.
    ///
    /// # Errors
    ///
    /// There is no node of this name.
    pub async fn node_reached(&self, node: &str, time: impl Into<Moment>) -> Result<Arrival, NoSuchNode> {
        let Some(node) = self.topology.nodes.iter().find(|known| known.name == node) else {
            return Err(NoSuchNode(node.to_owned()));
        };
        Ok(self.watch(Some(node.name), time.into()).await)
    }

    async fn watch(&self, node: Option<&'static str>, moment: Moment) -> Arrival {
        let (answer, arrived) = oneshot::channel();
        if self.requests.send(Request::Watch(Watch { node, moment, answer })).is_err() {
            return Arrival::Ended;
        }
        arrived.await.unwrap_or(Arrival::Ended)
    }

    /// Takes a checkpoint now, while the graph goes on; a savepoint where it is given a name, which is kept until it is
    /// removed by hand.
    ///
    /// # Errors
    ///
    /// The checkpoint could not be taken, or the graph has none; the graph goes on. Or [`Error::Suspended`], with an empty name, where
    /// the graph has ended.
    pub async fn checkpoint(&self, savepoint: Option<&str>) -> Result<Published, Error> {
        self.save(savepoint.map(str::to_owned), false).await
    }

    /// Stops the graph with a savepoint (rule J7): no window fires, no stream ends, and a graph that is run again goes on from there.
    ///
    /// What was taken from sources before is in the savepoint or in the sinks, which have committed it.
    ///
    /// # Errors
    ///
    /// The savepoint could not be taken; the graph goes on, until the handle is dropped. Or the run's own error.
    pub async fn stop_with_savepoint(&mut self, name: &str) -> Result<Published, Error> {
        let saved = self.save(Some(name.to_owned()), true).await;
        if let Err(failed @ Error::Checkpoint(_)) = saved {
            return Err(failed);
        }
        // It was taken; or nobody answers, for the graph has ended, or failed meanwhile.
        match (&mut self.task).await? {
            Ok(_) | Err(Error::Suspended { .. }) => saved,
            Err(error) => Err(error),
        }
    }

    async fn save(&self, name: Option<String>, stop: bool) -> Result<Published, Error> {
        let (answer, saved) = oneshot::channel();
        let gone = || Error::Suspended { savepoint: String::new() };
        self.requests.send(Request::Save(Asked { name, stop, answer })).map_err(|_| gone())?;
        saved.await.map_err(|_| gone())?.map_err(|error| Box::new(error).into())
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
