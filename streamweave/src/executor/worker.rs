//! The worker's loop.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

use super::checkpointing::{Asked, Broken, Checkpointing, End, Pace, Surroundings};
use super::machine::{Command, Machine, Reply};
use super::running::Yielded;
use super::schedule::Schedule;
use super::trace;
use super::watch::{Watch, answer};
use crate::checkpoint::{CheckpointError, Checkpoints};
use crate::graph::{Error, Explanation, FailureReport, Report, Topology};
use crate::operator::{Batch, Cause, Flush, Held, Panicked, Turn};
use crate::sink::on_error::Rejected;
use crate::state::{Fields, Loading, Mismatch, Part, Saving};
use crate::time::{Clock, ProcessingTime, TimeDelta};

/// After so many batches in a row the worker lets other tasks of its thread run.
const BATCHES_PER_TURN: u32 = 32;

/// How a graph is driven.
#[derive(Debug)]
pub(crate) struct Settings<C> {
    pub(crate) topology: Topology,
    /// The most rows taken from a source at a time.
    pub(crate) batch: usize,
    pub(crate) clock: C,
    /// Which source is next.
    pub(crate) schedule: Schedule,
    /// How long draining, and writing what is left after a failure, may take.
    pub(crate) drain_within: Option<TimeDelta>,
    /// Where a durable graph keeps its state.
    pub(crate) checkpoints: Option<Box<Checkpoints>>,
}

/// What the handle of a running graph asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Drain,
    /// Stop here, as after a failure: what passed is brought out.
    Halt,
    Explain(oneshot::Sender<Explanation>),
    Save(Asked),
    Watch(Watch),
}

/// What is asked of a running graph from outside.
pub(crate) type Requests = mpsc::UnboundedReceiver<Request>;

/// The node that gave up, and why.
pub(crate) type Failure = (usize, Cause);

/// Drives a machine to its end, or until `stop` is ready: then it drains.
pub(crate) async fn drive<F, R: Yielded, C: Clock>(
    machine: Machine<F, R>,
    settings: Settings<C>,
    stop: impl Future<Output = ()>,
    requests: Option<Requests>,
    taken: &mut Vec<RowsTaken>,
) -> Result<R, Error>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    let mut worker = Worker::new(machine, settings, requests);
    worker.restore()?;
    let outcome = worker.run(std::pin::pin!(stop)).await;
    if let Err(failure) = outcome {
        *taken = worker.taken();
        return Err(worker.fail(failure).await);
    }
    Ok(worker.finish())
}

/// What a source has taken from outside since the last checkpoint, or since the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowsTaken {
    pub(crate) source: &'static str,
    pub(crate) rows: u64,
    /// Whether it gives them again.
    pub(crate) replays: bool,
}

/// A machine and how it is driven.
#[derive(Debug)]
pub(crate) struct Worker<F, R, C> {
    machine: Machine<F, R>,
    settings: Settings<C>,
    requests: Option<Requests>,
    /// Who waits for the graph to come to a time.
    watches: Vec<Watch>,
    /// Whether any operator asks for the time.
    uses_clock: bool,
    /// Whether the time is noted at which frontiers move: somebody may ask.
    keeps_time: bool,
    /// Which nodes each source leads to, where any operator asks for the time.
    leads_to: Vec<Vec<bool>>,
    /// Which nodes stand behind a source that is held back.
    held: Vec<bool>,
    /// The sources that have not ended.
    open: Vec<usize>,
    checkpointing: Option<Box<Checkpointing>>,
    /// The flush that is under way.
    flushing: Option<Flush>,
    /// Whether a row may wait in a sink for more to come.
    lingering: bool,
    draining: bool,
    /// To which end it comes.
    end: End,
    /// Whether it is to stop where it is.
    halted: bool,
    /// Whether sinks are being closed.
    closing: bool,
    /// When draining has taken too long.
    deadline: Option<ProcessingTime>,
    /// How many batches have been run, and the source of the last.
    batches: u64,
    source: Option<usize>,
    /// Whether the last one is being run, or failed.
    is_in_batch: bool,
}

/// What there is to run.
pub(crate) enum Taken {
    Woken,
    Source(usize),
}

/// Why a worker stops before the end.
pub(crate) enum Stop {
    Failed(Failure),
    /// The deadline has passed.
    Stuck,
    /// The state could not be saved.
    Unsaved(CheckpointError),
    /// A savepoint was taken to stop at.
    Suspended(String),
    /// Whoever runs the graph wants it to stop.
    Halted,
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Node(failure) => Stop::Failed(failure),
            Broken::Checkpoint(error) => Stop::Unsaved(error),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

impl<F, R, C: Clock> Worker<F, R, C>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    pub(crate) fn new(mut machine: Machine<F, R>, settings: Settings<C>, requests: Option<Requests>) -> Self {
        let uses_clock = machine.uses_clock();
        let topology = settings.topology;
        let open = (0..topology.sources()).collect();
        let leads_to = (0..topology.sources()).filter(|_| uses_clock);
        let leads_to = leads_to.map(|source| topology.reached_from(source)).collect();
        let keeps_time = uses_clock || requests.is_some();
        Worker {
            machine,
            settings,
            requests,
            watches: Vec::new(),
            uses_clock,
            keeps_time,
            leads_to,
            held: vec![false; topology.nodes.len()],
            open,
            checkpointing: None,
            // A sink that cannot be opened says so before the first row.
            flushing: Some(Flush::Idle),
            lingering: false,
            draining: false,
            end: End::Finished,
            halted: false,
            closing: false,
            deadline: None,
            batches: 0,
            source: None,
            is_in_batch: false,
        }
    }

    async fn run(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<(), Stop> {
        poll_fn(|context| self.flush(context, stop.as_mut())).await?;
        while let Some(taken) = poll_fn(|context| self.look(context, stop.as_mut())).await? {
            self.step(taken)?;
            if self.is_turn_over() {
                yield_now().await;
            }
        }
        poll_fn(|context| self.close_sinks(context, stop.as_mut())).await?;
        poll_fn(|context| self.save_end(context)).await
    }

    /// Goes on from the last checkpoint, where the graph has any.
    pub(crate) fn restore(&mut self) -> Result<(), Error> {
        let Some(checkpoints) = self.settings.checkpoints.take() else { return Ok(()) };
        let topology = &self.settings.topology;
        let (checkpointing, restored) = Checkpointing::begin(*checkpoints, &mut self.machine, topology)?;
        self.open.retain(|source| !restored.ended.contains(topology.nodes[topology.source(*source)].name));
        self.checkpointing = Some(Box::new(checkpointing));
        Ok(())
    }

    /// Tells the nodes that what they keep will be asked for.
    pub(crate) fn survey(&mut self) {
        self.machine.fields(&mut Fields::survey(&mut BTreeMap::new()));
    }

    /// What every node keeps, at once.
    pub(crate) fn save_all(&mut self) -> Vec<Part> {
        let mut saving = Saving { full: true, budget: usize::MAX, ..Saving::default() };
        for is_sealed in [false, true] {
            let saving = &mut saving;
            let mut fields = if is_sealed { Fields::seal(saving) } else { Fields::cut(saving) };
            let saved = self.machine.fields(&mut fields);
            assert!(!matches!(saved, Reply::Failed { .. }), "a visit that saves does not fail: {saved:?}");
        }
        saving.parts
    }

    /// Gives every node what it kept.
    pub(crate) fn load_all(&mut self, mut loading: Loading) -> Result<(), Mismatch> {
        match self.machine.fields(&mut Fields::load(&mut loading)) {
            Reply::Failed { cause, .. } => {
                Err(*cause.downcast().expect("a visit fails where what was saved does not fit"))
            }
            _ => Ok(()),
        }
    }

    /// The last checkpoint, once all that was to be done is done (rule J6).
    pub(crate) fn save_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        if let Some(checkpointing) = &mut self.checkpointing {
            checkpointing.end(self.end, self.batches);
        }
        loop {
            let mut turn = Turn::new(context, &mut self.settings.clock);
            flush(&mut self.machine, &mut self.flushing, &mut turn)?;
            let pace = save(
                &mut self.checkpointing,
                &mut self.machine,
                Surroundings {
                    topology: &self.settings.topology,
                    open: &self.open,
                    batches: self.batches,
                    draining: self.draining,
                    flushing: &mut self.flushing,
                },
                &mut turn,
            )?;
            match pace {
                Pace::Free => return Poll::Ready(Ok(())),
                Pace::Busy => {}
                Pace::Held => {
                    let was_flushing = self.flushing.is_some();
                    flush(&mut self.machine, &mut self.flushing, &mut turn)?;
                    if was_flushing && self.flushing.is_none() {
                        continue;
                    }
                    if self.deadline.is_some_and(|deadline| turn.until(deadline).is_ready()) {
                        return Poll::Ready(Err(Stop::Stuck));
                    }
                    if turn.arm().is_pending() {
                        return Poll::Pending;
                    }
                }
                Pace::Stopped(savepoint) => return Poll::Ready(Err(Stop::Suspended(savepoint))),
            }
        }
    }

    /// Writes everything and closes, once nothing more is to come.
    pub(crate) fn close_sinks(
        &mut self,
        context: &mut Context<'_>,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Poll<Result<(), Stop>> {
        if !std::mem::replace(&mut self.closing, true) {
            self.flushing = Some(Flush::Close);
        }
        self.flush(context, stop)
    }

    /// Finds what to run next; `None` once there is nothing more to come.
    pub(crate) fn look(
        &mut self,
        context: &mut Context<'_>,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Poll<Result<Option<Taken>, Stop>> {
        self.heed(context, stop);
        if std::mem::take(&mut self.halted) {
            return Poll::Ready(Err(Stop::Halted));
        }
        loop {
            let mut turn = Turn::new(context, &mut self.settings.clock).stopping(self.draining);
            flush(&mut self.machine, &mut self.flushing, &mut turn)?;
            // Before a cut: it would count rows as written that the flush has dropped.
            if self.checkpointing.is_some() && !self.draining && self.machine.is_gone() {
                self.end_unseen();
                continue;
            }
            let pace = save(
                &mut self.checkpointing,
                &mut self.machine,
                Surroundings {
                    topology: &self.settings.topology,
                    open: &self.open,
                    batches: self.batches,
                    draining: self.draining,
                    flushing: &mut self.flushing,
                },
                &mut turn,
            )?;
            match pace {
                Pace::Free | Pace::Busy => {}
                Pace::Held => {
                    let was_flushing = self.flushing.is_some();
                    flush(&mut self.machine, &mut self.flushing, &mut turn)?;
                    let is_flushed = was_flushing && self.flushing.is_none();
                    if self.deadline.is_some_and(|deadline| turn.until(deadline).is_ready()) {
                        return Poll::Ready(Err(Stop::Stuck));
                    }
                    if !is_flushed && turn.arm().is_pending() {
                        return Poll::Pending;
                    }
                    continue;
                }
                Pace::Stopped(savepoint) => return Poll::Ready(Err(Stop::Suspended(savepoint))),
            }
            if self.uses_clock {
                mark_held(&mut self.machine, &self.open, &self.leads_to, &mut self.held);
                turn.hold(Held::Nodes(&self.held));
            }
            if ready(self.machine.poll_wake(&mut turn))? {
                // There may be no end of it: what goes round in a circle.
                if self.deadline.is_some_and(|deadline| turn.until(deadline).is_ready()) {
                    return Poll::Ready(Err(Stop::Stuck));
                }
                return Poll::Ready(Ok(Some(Taken::Woken)));
            }
            if self.open.is_empty() && self.flushing.is_none() && self.machine.is_idle() {
                return Poll::Ready(Ok(None));
            }
            if let Some(source) = ready_source(
                &mut self.machine,
                &self.open,
                &mut self.settings.schedule,
                self.draining,
                &mut turn,
            )? {
                return Poll::Ready(Ok(Some(Taken::Source(source))));
            }
            // About to park: nothing may be kept waiting in a sink (rule J9), not even beside one that is slow.
            if std::mem::take(&mut self.lingering) && self.flushing < Some(Flush::Idle) {
                self.flushing = Some(Flush::Idle);
                continue;
            }
            if let Some(source) = knotted_source(
                &mut self.machine,
                &self.open,
                &mut self.settings.schedule,
                self.draining,
                self.flushing,
                &mut turn,
            )? {
                return Poll::Ready(Ok(Some(Taken::Source(source))));
            }
            if self.deadline.is_some_and(|deadline| turn.until(deadline).is_ready()) {
                return Poll::Ready(Err(Stop::Stuck));
            }
            if pace == Pace::Busy {
                // Nothing else to do but to write.
                continue;
            }
            if turn.arm().is_pending() {
                if self.draining || !self.machine.is_gone() {
                    return Poll::Pending;
                }
                // Nobody is left to wait for.
                self.end_unseen();
            }
        }
    }

    /// Hears what is asked from outside.
    fn heed(&mut self, context: &mut Context<'_>, stop: Pin<&mut impl Future<Output = ()>>) {
        if !self.draining && stop.poll(context).is_ready() {
            self.drain();
        }
        while let Some(requests) = &mut self.requests {
            match requests.poll_recv(context) {
                Poll::Ready(Some(Request::Drain)) => self.drain(),
                Poll::Ready(Some(Request::Halt)) => self.halted = true,
                // Who asked may have gone again.
                Poll::Ready(Some(Request::Explain(answer))) => drop(answer.send(self.explain())),
                Poll::Ready(Some(Request::Save(asked))) => match &mut self.checkpointing {
                    Some(checkpointing) => checkpointing.ask(asked),
                    // Who asked may have gone again.
                    None => drop(asked.answer.send(Err(CheckpointError::NotKept))),
                },
                Poll::Ready(Some(Request::Watch(watch))) => self.watches.push(watch),
                Poll::Ready(None) => self.requests = None,
                Poll::Pending => break,
            }
        }
        if !self.watches.is_empty() {
            answer(&mut self.watches, &self.machine.explain());
        }
    }

    pub(crate) fn drain(&mut self) {
        if !self.draining {
            self.end = End::Drained;
        }
        self.draining = true;
        self.set_deadline();
    }

    /// Nobody is left who could see what the sinks do. Sources are treated as ended, though nobody has asked for that.
    fn end_unseen(&mut self) {
        self.drain();
        self.end = if self.open.is_empty() { End::Finished } else { End::Unseen };
    }

    fn set_deadline(&mut self) {
        if let Some(within) = self.settings.drain_within
            && self.deadline.is_none()
        {
            self.deadline = Some(self.settings.clock.now() + within);
        }
    }

    pub(crate) fn step(&mut self, taken: Taken) -> Result<(), Stop> {
        self.source = match taken {
            Taken::Woken => None,
            Taken::Source(source) => Some(source),
        };
        self.batches += 1;
        self.is_in_batch = true;
        let now = if self.keeps_time { self.settings.clock.now() } else { ProcessingTime::MIN };
        let budget = self.settings.schedule.budget(self.settings.batch);
        let batch = Batch { budget, stopping: self.draining, now };
        match trace::batch(&mut self.machine, &self.settings.topology, self.batches, self.source, batch) {
            Reply::Ended => self.close(),
            reply => ready(reply).map(|_| ())?,
        }
        self.is_in_batch = false;
        // Now and then whatever the sinks hold goes out, however busy the sources are.
        let level = if self.is_turn_over() { Flush::Idle } else { Flush::Batch };
        self.flushing = self.flushing.max(Some(level));
        self.lingering = level == Flush::Batch;
        if !self.draining && self.machine.is_gone() {
            self.end_unseen();
        }
        Ok(())
    }

    /// What the run yields; called once, at its end.
    pub(crate) fn finish(&mut self) -> R
    where
        R: Yielded,
    {
        let mut result = self.machine.finish().expect("a machine yields its result once");
        result.set_report(self.machine.report());
        result
    }

    /// What the sources have taken since the last checkpoint.
    fn taken(&mut self) -> Vec<RowsTaken> {
        let report = self.machine.report();
        let topology = &self.settings.topology;
        let checkpointing = self.checkpointing.as_ref();
        let sources = report.nodes().iter().zip(topology.nodes).filter(|(_, node)| node.is_source);
        let taken = sources.map(|(books, node)| {
            let saved = checkpointing.map_or(0, |checkpointing| checkpointing.saved(node.name));
            RowsTaken { source: node.name, rows: books.taken().saturating_sub(saved), replays: books.replays }
        });
        taken.collect()
    }

    /// The books so far.
    pub(crate) fn report(&mut self) -> Report {
        self.machine.report()
    }

    /// Draws from a seed from now on.
    pub(crate) fn draw(&mut self, seed: u64) {
        self.settings.schedule = Schedule::drawn(seed);
    }

    /// How the graph is.
    pub(crate) fn explain(&mut self) -> Explanation {
        let explanation = self.machine.explain();
        if self.keeps_time { explanation.at(self.settings.clock.now()) } else { explanation }
    }

    /// Notes from now on when frontiers move.
    pub(crate) fn keep_time(&mut self) {
        self.keeps_time = true;
    }

    fn is_turn_over(&self) -> bool {
        self.batches % u64::from(BATCHES_PER_TURN) == 0
    }

    /// The source that was run has ended.
    fn close(&mut self) {
        if let Some(at) = self.open.iter().position(|&open| Some(open) == self.source) {
            self.open.remove(at);
            self.settings.schedule.closed(at);
        }
    }

    /// Flushes the sinks, whatever else there would be to do.
    fn flush(
        &mut self,
        context: &mut Context<'_>,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Poll<Result<(), Stop>> {
        self.heed(context, stop);
        if std::mem::take(&mut self.halted) {
            return Poll::Ready(Err(Stop::Halted));
        }
        loop {
            let mut turn = Turn::new(context, &mut self.settings.clock);
            flush(&mut self.machine, &mut self.flushing, &mut turn)?;
            if self.flushing.is_none() {
                return Poll::Ready(Ok(()));
            }
            if self.deadline.is_some_and(|deadline| turn.until(deadline).is_ready()) {
                return Poll::Ready(Err(Stop::Stuck));
            }
            if turn.arm().is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Brings out what passed before the failure, and says what happened.
    pub(crate) async fn fail(&mut self, stop: Stop) -> Error {
        let name = |node: usize| self.settings.topology.nodes[node].name;
        let failure = match stop {
            Stop::Stuck => return self.stuck(None),
            Stop::Unsaved(error) => Error::Checkpoint(Box::new(error)),
            Stop::Suspended(savepoint) => Error::Suspended { savepoint },
            Stop::Halted => Error::Suspended { savepoint: String::new() },
            Stop::Failed((node, cause)) => match cause.downcast::<Panicked>() {
                Ok(panicked) => self.panicked(node, *panicked),
                Err(cause) => match cause.downcast::<Rejected>() {
                    Ok(rejected) => {
                        let Rejected { node, input, cause } = *rejected;
                        Error::Rejected { node, input, cause }
                    }
                    Err(cause) => Error::Failed { node: name(node), cause },
                },
            },
        };
        self.flushing = Some(Flush::Close);
        self.set_deadline();
        let mut never = std::pin::pin!(std::future::pending());
        loop {
            match poll_fn(|context| self.flush(context, never.as_mut())).await {
                Ok(()) => return failure,
                // A second failure is no news; the other sinks go on.
                Err(Stop::Failed(_) | Stop::Unsaved(_) | Stop::Suspended(_) | Stop::Halted) => {}
                Err(Stop::Stuck) => return self.stuck(Some(failure)),
            }
        }
    }

    fn panicked(&mut self, node: usize, panicked: Panicked) -> Error {
        let discarded = self.machine.abandon();
        let topology = self.settings.topology;
        // Between two batches a node fails that is asked for the next.
        let (source, batch) = if self.is_in_batch {
            (self.source.map(|number| topology.source(number)), self.batches)
        } else {
            (topology.nodes[node].is_source.then_some(node), self.batches + 1)
        };
        let source = source.map(|source| {
            let report = self.machine.report();
            (topology.nodes[source].name, report.nodes()[source].sent())
        });
        let Panicked { inside, message, location, backtrace, .. } = panicked;
        let node = std::iter::once(topology.nodes[node].name).chain(inside).collect::<Vec<_>>().join(".");
        Error::Panicked(Box::new(FailureReport {
            node,
            message,
            location,
            backtrace,
            batch,
            source,
            discarded,
        }))
    }

    /// The deadline has passed, perhaps `after` a failure.
    fn stuck(&mut self, after: Option<Error>) -> Error {
        let within = self.settings.drain_within.unwrap_or_default();
        Error::Stuck { within, stuck: self.holding(), after: after.map(Box::new) }
    }

    /// Refuses configurations that cannot work.
    pub(crate) fn validate(&mut self) -> Result<(), Error> {
        match self.machine.validate() {
            Reply::Failed { node, cause } => {
                Err(Error::Invalid { node: self.settings.topology.nodes[node].name, cause })
            }
            _ => Ok(()),
        }
    }

    /// Which nodes hold the graph back, and what they wait for.
    pub(crate) fn holding(&mut self) -> String {
        let explanation = self.machine.explain();
        let mut stuck = String::new();
        for node in explanation.holding() {
            let separator = if stuck.is_empty() { "" } else { "; " };
            write!(stuck, "{separator}{node}").expect("a `String` takes everything");
        }
        stuck
    }

    /// Whether a thread reads or writes for any node.
    pub(crate) fn is_served(&mut self) -> bool {
        self.machine.explain().nodes().iter().any(|node| node.is_served)
    }
}

/// Goes on with the checkpoint at hand, where the graph has any.
fn save<F, R>(
    checkpointing: &mut Option<Box<Checkpointing>>,
    machine: &mut Machine<F, R>,
    around: Surroundings<'_>,
    turn: &mut Turn<'_, '_>,
) -> Result<Pace, Broken>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    match checkpointing {
        Some(checkpointing) => checkpointing.go_on(machine, around, turn),
        None => Ok(Pace::Free),
    }
}

/// Goes on with a flush, if one is under way.
fn flush<F, R>(
    machine: &mut Machine<F, R>,
    flushing: &mut Option<Flush>,
    turn: &mut Turn<'_, '_>,
) -> Result<(), Failure>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    if let Some(level) = *flushing
        && ready(machine.poll_flush(level, turn))?
    {
        *flushing = None;
    }
    Ok(())
}

/// Marks the nodes behind sources that are not taken from for want of room: of those nothing comes, which says
/// nothing (rule A7).
fn mark_held<F, R>(machine: &mut Machine<F, R>, open: &[usize], leads_to: &[Vec<bool>], held: &mut [bool])
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    held.fill(false);
    for &source in open {
        if !machine.has_room(source) {
            held.iter_mut().zip(&leads_to[source]).for_each(|(held, reached)| *held |= reached);
        }
    }
}

/// The next source, as the schedule will have it, that has a batch and room for it.
fn ready_source<F, R>(
    machine: &mut Machine<F, R>,
    open: &[usize],
    schedule: &mut Schedule,
    draining: bool,
    turn: &mut Turn<'_, '_>,
) -> Result<Option<usize>, Failure>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    next_source(machine, open, schedule, draining, turn, |machine, source| machine.has_room(source))
}

/// A source to take from in spite of everything: where each waits for room that only another could make,
/// none ever would (two nodes with two inputs, each with rows of one source and in want of the other's).
///
/// As T. M. Parks has it (Bounded Scheduling of Process Networks, 1995) a queue then grows beyond its
/// capacity, a batch at a time, for as long as that takes. A source that is waited for and has nothing at hand
/// undoes no knot: there is room for it.
fn knotted_source<F, R>(
    machine: &mut Machine<F, R>,
    open: &[usize],
    schedule: &mut Schedule,
    draining: bool,
    flushing: Option<Flush>,
    turn: &mut Turn<'_, '_>,
) -> Result<Option<usize>, Failure>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    let knotted = flushing.is_none()
        && !open.is_empty()
        && open.iter().all(|&source| !machine.has_room(source))
        && machine.is_idle();
    if knotted { next_source(machine, open, schedule, draining, turn, |_, _| true) } else { Ok(None) }
}

/// The next source that has a batch, among those that `may` be taken from.
fn next_source<F, R>(
    machine: &mut Machine<F, R>,
    open: &[usize],
    schedule: &mut Schedule,
    draining: bool,
    turn: &mut Turn<'_, '_>,
    may: impl Fn(&mut Machine<F, R>, usize) -> bool,
) -> Result<Option<usize>, Failure>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    let first = schedule.first(open.len());
    for i in 0..open.len() {
        let at = (first + i) % open.len();
        if may(machine, open[at]) && (draining || ready(machine.poll_source(open[at], turn))?) {
            schedule.took(at);
            return Ok(Some(open[at]));
        }
    }
    Ok(None)
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
