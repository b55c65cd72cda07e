//! Supervisors, their children, and what runs them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::directive::{Directive, Strategy};
use super::failure::{Failure, FailureKind, Failures, Lost};
use super::restarts::Restarts;
use super::tree::{Command as Step, Fallen, Policy, Tree};
use crate::executor::{Command, Graph, Reply, Request, Survives, Yielded};
use crate::graph::Error;
use crate::time::{Clock, ProcessingTime, SystemClock, TimeDelta, Units};

/// A graph under a supervisor, as the function that makes it.
///
/// It is made anew for each start, in the task that runs it: of a graph that failed nothing is used again. With
/// [`checkpoints`](Graph::checkpoints) it goes on from the last one, else it begins anew (rule K2).
pub struct Child {
    name: String,
    policy: Policy,
    begin: Begin,
}

/// Starts the graph as a task.
type Begin = Box<dyn FnMut() -> Task + Send>;

/// A graph that is at work in a task of its own.
#[derive(Debug)]
struct Task {
    requests: mpsc::UnboundedSender<Request>,
    handle: JoinHandle<Finished>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// What a graph came to.
type Finished = (Result<(), Fallen>, Vec<Lost>);

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Child {
    /// The graph that `make` makes.
    pub fn new<M, F, R, C, G>(name: impl Into<String>, make: M) -> Self
    where
        M: FnMut() -> Graph<F, R, C, G> + Send + 'static,
        F: FnMut(Command<'_, '_, '_, R>) -> Reply + Send + 'static,
        R: Yielded + Send + 'static,
        C: Clock + Send + 'static,
        G: Survives + 'static,
    {
        Child::yielding(name, make, drop)
    }

    /// The same; once the graph has come to its end `take` is given its result.
    pub fn yielding<M, F, R, C, G>(
        name: impl Into<String>,
        make: M,
        take: impl FnMut(R) + Send + 'static,
    ) -> Self
    where
        M: FnMut() -> Graph<F, R, C, G> + Send + 'static,
        F: FnMut(Command<'_, '_, '_, R>) -> Reply + Send + 'static,
        R: Yielded + Send + 'static,
        C: Clock + Send + 'static,
        G: Survives + 'static,
    {
        let parts = Arc::new(Mutex::new((make, take)));
        let begin = move || {
            let (requests, heeded) = mpsc::unbounded_channel();
            let parts = Arc::clone(&parts);
            let handle = tokio::spawn(async move {
                // What panicked in there before is made to begin again, as all else is.
                let graph = (parts.lock().unwrap_or_else(PoisonError::into_inner).0)();
                let topology = graph.topology();
                let (outcome, losses) = graph.run_supervised(heeded).await;
                let outcome = outcome.map_err(|error| {
                    let (kind, node) = FailureKind::of(&error, Some(&topology));
                    Fallen { error, kind, node }
                });
                let lost = Lost::of(&losses);
                let take = |result| (parts.lock().unwrap_or_else(PoisonError::into_inner).1)(result);
                (outcome.map(take), lost)
            });
            Task { requests, handle }
        };
        Child { name: name.into(), policy: Policy::default(), begin: Box::new(begin) }
    }

    /// What is done where this node failed; a node that holds a graph speaks for all in it.
    #[must_use]
    pub fn on_node(mut self, node: impl Into<String>, directive: Directive) -> Self {
        self.policy.nodes.push((node.into(), directive));
        self
    }

    /// Decides by the failure, whose `directive` is what is done otherwise; nodes that are [named](Child::on_node) come first.
    #[must_use]
    pub fn on_failure(mut self, decide: impl FnMut(&Failure) -> Directive + Send + 'static) -> Self {
        self.policy.decide = Some(Box::new(decide));
        self
    }

    /// How often it may be started again; if nothing is said, as often as its supervisor says.
    #[must_use]
    pub fn restarts(mut self, restarts: Restarts) -> Self {
        self.policy.restarts = Some(restarts);
        self
    }
}

/// What stands under a supervisor: a [`Child`], or another [`Supervisor`].
#[derive(Debug)]
pub struct Member(Kind);

#[derive(Debug)]
enum Kind {
    Leaf(Child),
    Branch(Supervisor),
}

impl From<Child> for Member {
    fn from(child: Child) -> Self {
        Member(Kind::Leaf(child))
    }
}

impl From<Supervisor> for Member {
    fn from(supervisor: Supervisor) -> Self {
        Member(Kind::Branch(supervisor))
    }
}

/// Runs graphs, each in a task of its own, and decides what becomes of those that fail: see the [module](super).
#[must_use = "a supervisor does nothing until it is run"]
pub struct Supervisor {
    name: String,
    strategy: Strategy,
    policy: Policy,
    members: Vec<Member>,
    clock: Box<dyn Clock + Send>,
    halt_within: TimeDelta,
    told: Vec<mpsc::UnboundedSender<Failure>>,
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("name", &self.name)
            .field("strategy", &self.strategy)
            .field("policy", &self.policy)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

impl Supervisor {
    /// One without children, which starts again the one that failed.
    pub fn new(name: impl Into<String>) -> Self {
        Supervisor {
            name: name.into(),
            strategy: Strategy::OneForOne,
            policy: Policy::default(),
            members: Vec::new(),
            clock: Box::new(SystemClock::new()),
            halt_within: 30.secs(),
            told: Vec::new(),
        }
    }

    /// Which children are started again where one has failed.
    pub fn strategy(self, strategy: Strategy) -> Self {
        Supervisor { strategy, ..self }
    }

    /// How often each child may be started again, and all of them together; those above are asked where nothing is said.
    pub fn restarts(mut self, restarts: Restarts) -> Self {
        self.policy.restarts = Some(restarts);
        self
    }

    /// What is done where a node of this name failed in a child that says nothing of it itself.
    pub fn on_node(mut self, node: impl Into<String>, directive: Directive) -> Self {
        self.policy.nodes.push((node.into(), directive));
        self
    }

    /// Decides by the failure of a child that says nothing itself; the failure's `directive` is what is done otherwise. Supervisors
    /// under this one that say nothing leave their children to it, too.
    pub fn on_failure(mut self, decide: impl FnMut(&Failure) -> Directive + Send + 'static) -> Self {
        self.policy.decide = Some(Box::new(decide));
        self
    }

    /// Adds a child, or a supervisor with children of its own.
    pub fn child(mut self, child: impl Into<Member>) -> Self {
        self.members.push(child.into());
        self
    }

    /// Goes by another clock than the system's: a [`ManualClock`](crate::time::ManualClock) in tests. Only that of the root counts.
    pub fn clock(self, clock: impl Clock + Send + 'static) -> Self {
        Supervisor { clock: Box::new(clock), ..self }
    }

    /// How long a graph that is halted for the sake of others may take to bring out what it has; then its task is aborted. 30 s, unless
    /// it is said otherwise, and by the root alone.
    pub fn halt_within(self, within: TimeDelta) -> Self {
        Supervisor { halt_within: within, ..self }
    }

    /// The failures of the whole tree, as they come. To be asked of the root.
    pub fn failures(&mut self) -> Failures {
        let (tell, told) = mpsc::unbounded_channel();
        self.told.push(tell);
        Failures(told)
    }

    /// Runs the tree until every child has ended or was stopped, in the caller's task; each graph runs in a task of its own.
    ///
    /// Dropping the future aborts all graphs.
    ///
    /// # Errors
    ///
    /// The failure that escalated past the root, once all others are at rest.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn run(self) -> Result<(), Failure> {
        self.run_until(std::future::pending()).await
    }

    /// The same; once `stop` is ready all graphs [drain](crate::Running::drain), and none is started again.
    ///
    /// # Errors
    ///
    /// As [`run`](Supervisor::run); or the first failure while it drains, of a graph that waited to be started again, too.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        let mut works = Works::of(self);
        let mut stop = pin!(stop);
        poll_fn(|context| works.poll(context, stop.as_mut())).await
    }

    /// Runs the tree as a task of the current tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn(self) -> Supervised {
        let (stop, stopped) = oneshot::channel();
        let stopped = async move {
            if stopped.await.is_err() {
                // The handle is gone, and the task with it.
                std::future::pending::<()>().await;
            }
        };
        Supervised { task: tokio::spawn(self.run_until(stopped)), stop: Some(stop) }
    }
}

/// A tree at work in a task of its own: a future of how it ends. Dropping it aborts all graphs.
#[must_use = "dropping the handle aborts all graphs"]
#[derive(Debug)]
pub struct Supervised {
    task: JoinHandle<Result<(), Failure>>,
    stop: Option<oneshot::Sender<()>>,
}

impl Supervised {
    /// Asks all graphs to drain; the handle still gives how the tree ends.
    pub fn drain(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
    }
}

impl Future for Supervised {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match std::task::ready!(Pin::new(&mut self.task).poll(context)) {
            Ok(outcome) => Poll::Ready(outcome),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime shuts down: nobody is left to be told.
            Err(_) => Poll::Pending,
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A tree at work.
struct Works {
    tree: Tree,
    /// By the number of the unit.
    leaves: Vec<Option<Leaf>>,
    clock: Box<dyn Clock + Send>,
    halt_within: TimeDelta,
    told: Vec<mpsc::UnboundedSender<Failure>>,
    has_begun: bool,
    drains: bool,
}

struct Leaf {
    begin: Begin,
    task: Option<Task>,
    /// When a graph that halts is aborted.
    deadline: Option<ProcessingTime>,
}

impl Works {
    fn of(root: Supervisor) -> Self {
        let mut works = Works {
            tree: Tree::default(),
            leaves: Vec::new(),
            clock: Box::new(SystemClock::new()),
            halt_within: root.halt_within,
            told: Vec::new(),
            has_begun: false,
            drains: false,
        };
        works.add(None, root);
        works
    }

    fn add(&mut self, parent: Option<usize>, supervisor: Supervisor) {
        let Supervisor { name, strategy, policy, members, clock, told, .. } = supervisor;
        let number = self.tree.add(parent, &name, Some(strategy), policy);
        self.leaves.push(None);
        if parent.is_none() {
            self.clock = clock;
        }
        self.told.extend(told);
        for member in members {
            match member.0 {
                Kind::Branch(supervisor) => self.add(Some(number), supervisor),
                Kind::Leaf(Child { name, policy, begin }) => {
                    self.tree.add(Some(number), &name, None, policy);
                    self.leaves.push(Some(Leaf { begin, task: None, deadline: None }));
                }
            }
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Poll<Result<(), Failure>> {
        let mut now = self.clock.now();
        if !std::mem::replace(&mut self.has_begun, true) {
            self.tree.begin(now);
        }
        if !self.drains && stop.poll(context).is_ready() {
            self.drains = true;
            self.tree.drain(now);
        }
        loop {
            self.tree.tick(now);
            while let Some(step) = self.tree.next() {
                if let Some(outcome) = self.take(step, now) {
                    return Poll::Ready(outcome);
                }
            }
            if self.hear(context, now) {
                continue;
            }
            let deadlines = self.leaves.iter().flatten().filter_map(|leaf| leaf.deadline);
            let Some(due) = deadlines.chain(self.tree.due()).min() else { return Poll::Pending };
            if self.clock.poll_until(due, context).is_pending() {
                return Poll::Pending;
            }
            now = self.clock.now().max(due);
            self.give_up(now);
        }
    }

    /// Does what the tree asks for; the outcome, where that is it.
    fn take(&mut self, step: Step, now: ProcessingTime) -> Option<Result<(), Failure>> {
        match step {
            Step::Start(leaf) => {
                let leaf = self.leaf(leaf);
                leaf.task = Some((leaf.begin)());
            }
            Step::Halt(leaf) => {
                let deadline = now + self.halt_within;
                let leaf = self.leaf(leaf);
                leaf.deadline = Some(deadline);
                leaf.ask(Request::Halt);
            }
            Step::Drain(leaf) => self.leaf(leaf).ask(Request::Drain),
            Step::Tell(failure) => {
                tracing::warn!(
                    child = %failure.child,
                    error = %failure.error,
                    directive = ?failure.directive,
                    "a supervised graph failed"
                );
                // Whoever wanted to know may have gone.
                self.told.retain(|told| told.send(failure.clone()).is_ok());
            }
            Step::Finish(outcome) => return Some(outcome),
        }
        None
    }

    fn leaf(&mut self, leaf: usize) -> &mut Leaf {
        self.leaves[leaf].as_mut().expect("a leaf")
    }

    /// Hears of graphs that have ended; whether there was any.
    fn hear(&mut self, context: &mut Context<'_>, now: ProcessingTime) -> bool {
        let mut any = false;
        for (number, leaf) in self.leaves.iter_mut().enumerate() {
            let Some(leaf) = leaf else { continue };
            let Some(task) = &mut leaf.task else { continue };
            let Poll::Ready(joined) = Pin::new(&mut task.handle).poll(context) else { continue };
            (leaf.task, leaf.deadline, any) = (None, None, true);
            let (outcome, lost) = joined.unwrap_or_else(|error| {
                let error = Error::from(error);
                let (kind, node) = FailureKind::of(&error, None);
                (Err(Fallen { error, kind, node }), vec![Lost::Everything { taken: Vec::new() }])
            });
            self.tree.ended(number, outcome, lost, now);
        }
        any
    }

    /// Aborts graphs that have not halted in time.
    fn give_up(&mut self, now: ProcessingTime) {
        for leaf in self.leaves.iter_mut().flatten() {
            if leaf.deadline.is_some_and(|deadline| deadline <= now) {
                leaf.deadline = None;
                leaf.task.iter().for_each(|task| task.handle.abort());
            }
        }
    }
}

impl Leaf {
    fn ask(&self, request: Request) {
        if let Some(task) = &self.task {
            // It may have ended, which is heard of next.
            let _ = task.requests.send(request);
        }
    }
}
