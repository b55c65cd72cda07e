//! The tree of a supervisor as a state machine: what happens to children goes in, what is to be done comes out.
//!
//! It knows no task and no clock. Each child is in one state:
//!
//! | state | who moves on | to |
//! |---|---|---|
//! | at rest | the start of its parent, or the time of its restart | lives |
//! | lives | its end | ended |
//! | lives | its failure | at rest: its restart is pending; or stopped; or, escalating, its parent halts |
//! | lives | a sibling is restarted with it, or its parent halts | halting |
//! | halting | the end of its task, whatever that was | at rest |
//! | ended | a restart of its group | lives |
//! | stopped | a restart of its parent | lives |
//!
//! A parent halts where a child escalates; once no child lives or halts it is at rest, and has failed itself.
//!
//! 1. Nothing is started before all that is restarted with it is at rest: of a child there is one task at most (rule K2).
//! 2. A failure is told once all that it takes down is at rest, for only then is it known what is lost (rule K5).
//! 3. A child that fails while it halts is at rest: why it was halted counts.
//! 4. While the tree drains nothing is restarted.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::directive::{Directive, Strategy};
use super::failure::{Failure, FailureKind, Loss, Lost};
use super::restarts::{Ledger, Restarts};
use crate::graph::Error;
use crate::time::{ProcessingTime, TimeDelta};

/// Decides by the failure, whose directive is what is done otherwise.
pub(super) type Decide = Box<dyn FnMut(&Failure) -> Directive + Send>;

/// What is said of a child, or by a supervisor of its children.
#[derive(Default)]
pub(super) struct Policy {
    pub(super) restarts: Option<Restarts>,
    /// What is done where a node of this name failed.
    pub(super) nodes: Vec<(String, Directive)>,
    pub(super) decide: Option<Decide>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("restarts", &self.restarts)
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}

impl Policy {
    /// What it says of a failure, if anything.
    fn says(&mut self, failure: &Failure) -> Option<Directive> {
        let is_at = |node: &str| {
            let failed = failure.node.as_deref().and_then(|failed| failed.strip_prefix(node));
            failed.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match self.nodes.iter().find(|(node, _)| is_at(node)) {
            Some((_, directive)) => Some(*directive),
            None => self.decide.as_mut().map(|decide| decide(failure)),
        }
    }
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Command {
    /// Start the graph of this leaf.
    Start(usize),
    /// Let it stop where it is, and say when it has.
    Halt(usize),
    /// Let it come to its end.
    Drain(usize),
    Tell(Failure),
    /// The tree has ended.
    Finish(Result<(), Failure>),
}

/// How the graph of a leaf failed.
#[derive(Debug)]
pub(super) struct Fallen {
    pub(super) error: Error,
    pub(super) kind: FailureKind,
    pub(super) node: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Rest,
    Lives,
    Halting,
    Ended,
    Stopped,
}

impl State {
    fn is_up(self) -> bool {
        match self {
            State::Lives | State::Halting => true,
            State::Rest | State::Ended | State::Stopped => false,
        }
    }
}

/// A leaf, or a supervisor.
#[derive(Debug)]
struct Unit {
    path: String,
    parent: Option<usize>,
    /// `None` for a leaf.
    branch: Option<Branch>,
    policy: Policy,
    ledger: Ledger,
    state: State,
    /// What it lost when it came to rest.
    losses: Vec<Loss>,
}

#[derive(Debug, Default)]
struct Branch {
    strategy: Strategy,
    children: Vec<usize>,
    /// Of restarts of all children together.
    ledger: Ledger,
    pending: Vec<Pending>,
    /// Why it halts, where a child escalated.
    fails: Option<Failure>,
}

/// Children that are to be started again.
#[derive(Debug)]
struct Pending {
    children: Vec<usize>,
    at: ProcessingTime,
    failure: Failure,
    is_told: bool,
}

/// A tree of supervisors and leaves; number 0 is the root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    units: Vec<Unit>,
    commands: VecDeque<Command>,
    drains: bool,
    /// The first failure of a tree that drains.
    failed: Option<Failure>,
}

impl Tree {
    /// Adds a leaf, or with a strategy a supervisor; the root first.
    pub(super) fn add(
        &mut self,
        parent: Option<usize>,
        name: &str,
        strategy: Option<Strategy>,
        policy: Policy,
    ) -> usize {
        let number = self.units.len();
        let path = match parent {
            Some(parent) => format!("{}/{name}", self.units[parent].path),
            None => name.to_owned(),
        };
        self.units.push(Unit {
            path,
            parent,
            branch: strategy.map(|strategy| Branch { strategy, ..Branch::default() }),
            policy,
            ledger: Ledger::default(),
            state: State::Rest,
            losses: Vec::new(),
        });
        if let Some(parent) = parent {
            self.branch(parent).children.push(number);
        }
        number
    }

    /// Starts all.
    pub(super) fn begin(&mut self, now: ProcessingTime) {
        self.start(0, now);
        self.settle(0, now);
    }

    /// What is to be done next.
    pub(super) fn next(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When something is to be started next.
    pub(super) fn due(&self) -> Option<ProcessingTime> {
        let branches =
            (0..self.units.len()).filter_map(|unit| Some((unit, self.units[unit].branch.as_ref()?)));
        let pending = branches.flat_map(|(_, branch)| &branch.pending);
        pending.filter(|pending| self.is_at_rest(&pending.children)).map(|pending| pending.at).min()
    }

    /// Starts what is due.
    pub(super) fn tick(&mut self, now: ProcessingTime) {
        for unit in 0..self.units.len() {
            let Some(branch) = &mut self.units[unit].branch else { continue };
            let pending = std::mem::take(&mut branch.pending);
            for pending in pending {
                if pending.at > now || !self.is_at_rest(&pending.children) {
                    self.branch(unit).pending.push(pending);
                } else {
                    pending.children.iter().for_each(|child| self.start(*child, now));
                }
            }
            self.settle(unit, now);
        }
    }

    /// Lets every graph come to its end.
    pub(super) fn drain(&mut self, now: ProcessingTime) {
        if std::mem::replace(&mut self.drains, true) {
            return;
        }
        for unit in 0..self.units.len() {
            if self.units[unit].branch.is_some() {
                self.forget_restarts(unit);
            } else if self.units[unit].state == State::Lives {
                self.commands.push_back(Command::Drain(unit));
            }
        }
        for unit in (0..self.units.len()).rev() {
            self.settle(unit, now);
        }
    }

    /// A leaf has come to its end.
    pub(super) fn ended(
        &mut self,
        leaf: usize,
        outcome: Result<(), Fallen>,
        lost: Vec<Lost>,
        now: ProcessingTime,
    ) {
        let child = self.units[leaf].path.clone();
        let losses = lost.into_iter().map(|lost| Loss { child: child.clone(), lost }).collect();
        let was_halting = self.units[leaf].state == State::Halting;
        match outcome {
            Ok(()) => self.comes_to(leaf, State::Ended, Vec::new(), now),
            Err(_) if was_halting => self.comes_to(leaf, State::Rest, losses, now),
            Err(Fallen { error, kind, node }) => {
                self.comes_to(leaf, State::Rest, losses, now);
                self.fail(leaf, kind, node, Arc::new(error), now);
            }
        }
        if let Some(parent) = self.units[leaf].parent {
            self.settle(parent, now);
        }
    }

    fn branch(&mut self, unit: usize) -> &mut Branch {
        self.units[unit].branch.as_mut().expect("a supervisor")
    }

    fn children(&self, unit: usize) -> Vec<usize> {
        self.units[unit].branch.as_ref().map_or_else(Vec::new, |branch| branch.children.clone())
    }

    fn is_at_rest(&self, units: &[usize]) -> bool {
        units.iter().all(|unit| !self.units[*unit].state.is_up())
    }

    fn start(&mut self, unit: usize, now: ProcessingTime) {
        self.units[unit].state = State::Lives;
        self.units[unit].ledger.live(now);
        self.units[unit].losses.clear();
        if let Some(parent) = self.units[unit].parent {
            self.branch(parent).ledger.live(now);
        }
        let Some(branch) = &mut self.units[unit].branch else {
            self.commands.push_back(Command::Start(unit));
            return;
        };
        branch.ledger = Ledger::default();
        for child in self.children(unit) {
            self.units[child].ledger = Ledger::default();
            self.start(child, now);
        }
    }

    fn halt(&mut self, unit: usize, now: ProcessingTime) {
        if self.units[unit].state != State::Lives {
            return;
        }
        self.units[unit].state = State::Halting;
        if self.units[unit].branch.is_none() {
            self.commands.push_back(Command::Halt(unit));
            return;
        }
        self.forget_restarts(unit);
        self.children(unit).into_iter().for_each(|child| self.halt(child, now));
        self.settle(unit, now);
    }

    /// What was to be started again is not; what was to be told is.
    fn forget_restarts(&mut self, unit: usize) {
        for pending in std::mem::take(&mut self.branch(unit).pending) {
            if self.drains {
                for child in &pending.children {
                    self.units[*child].state = State::Stopped;
                }
                self.failed.get_or_insert_with(|| pending.failure.clone());
            }
            if !pending.is_told {
                self.tell(pending.failure);
            }
        }
    }

    fn tell(&mut self, failure: Failure) {
        if self.drains && self.failed.is_none() {
            self.failed = Some(failure.clone());
        }
        self.commands.push_back(Command::Tell(failure));
    }

    fn comes_to(&mut self, unit: usize, state: State, losses: Vec<Loss>, now: ProcessingTime) {
        let unit = &mut self.units[unit];
        unit.state = state;
        unit.losses = losses;
        unit.ledger.rest(now);
    }

    /// A unit has failed, and is at rest.
    fn fail(
        &mut self,
        unit: usize,
        kind: FailureKind,
        node: Option<String>,
        error: Arc<Error>,
        now: ProcessingTime,
    ) {
        let restarts = self.restarts(unit);
        let attempt = self.units[unit].ledger.fail(&restarts);
        let mut failure = Failure {
            child: self.units[unit].path.clone(),
            node,
            kind,
            error,
            attempt,
            directive: Directive::Restart,
            at: now,
            restart_at: None,
            losses: self.units[unit].losses.clone(),
        };
        let parent = self.units[unit].parent.expect("nobody decides on the root");
        failure.directive = self.decide(unit, &failure);
        if let Directive::Restart | Directive::RestartGroup = failure.directive {
            let group = self.group(unit, parent, failure.directive);
            match self.delay(unit, parent, &group, attempt, &restarts) {
                Ok(delay) => return self.restart(parent, group, now + delay, failure, now),
                Err(spent) => failure.directive = spent,
            }
        }
        if failure.directive == Directive::Stop {
            self.units[unit].state = State::Stopped;
            self.tell(failure);
        } else {
            self.tell(failure.clone());
            self.branch(parent).fails = Some(failure);
            self.halt(parent, now);
        }
    }

    fn decide(&mut self, unit: usize, failure: &Failure) -> Directive {
        if self.drains {
            return Directive::Stop;
        }
        let mut failure = failure.clone();
        failure.directive = Directive::by_default(&failure);
        // What a supervisor says holds for its children: of itself those above it speak.
        let mut speaks = if self.units[unit].branch.is_some() { self.units[unit].parent } else { Some(unit) };
        while let Some(unit) = speaks {
            if let Some(directive) = self.units[unit].policy.says(&failure) {
                return directive;
            }
            speaks = self.units[unit].parent;
        }
        failure.directive
    }

    /// The budget of a unit: its own, or what those above it say.
    fn restarts(&self, unit: usize) -> Restarts {
        let mut says = Some(unit);
        while let Some(unit) = says {
            if let Some(restarts) = self.units[unit].policy.restarts {
                return restarts;
            }
            says = self.units[unit].parent;
        }
        Restarts::default()
    }

    /// Who is started again.
    fn group(&mut self, unit: usize, parent: usize, directive: Directive) -> Vec<usize> {
        let strategy = self.branch(parent).strategy;
        let children = self.children(parent);
        let mut group = match (directive, strategy) {
            (Directive::RestartGroup, _) | (_, Strategy::OneForAll) => children,
            (_, Strategy::RestForOne) => children.into_iter().skip_while(|child| *child != unit).collect(),
            (_, Strategy::OneForOne) => vec![unit],
        };
        group.retain(|child| self.units[*child].state != State::Stopped);
        group
    }

    /// How long it waits; or what is done where the budget is spent.
    fn delay(
        &mut self,
        unit: usize,
        parent: usize,
        group: &[usize],
        attempt: u32,
        restarts: &Restarts,
    ) -> Result<TimeDelta, Directive> {
        let mut failures = attempt;
        if group.len() > 1 {
            let of_group = self.restarts(parent);
            let ledger = &mut self.branch(parent).ledger;
            let count = ledger.fail(&of_group);
            if !of_group.is_left(count) {
                return Err(if of_group.stops() { Directive::Stop } else { Directive::Escalate });
            }
            failures = failures.max(count);
        }
        if !restarts.is_left(attempt) {
            return Err(if restarts.stops() { Directive::Stop } else { Directive::Escalate });
        }
        Ok(restarts.delay(unit as u64, failures))
    }

    fn restart(
        &mut self,
        parent: usize,
        mut group: Vec<usize>,
        mut at: ProcessingTime,
        mut failure: Failure,
        now: ProcessingTime,
    ) {
        // What was about to be started again for another reason waits for this one.
        for pending in std::mem::take(&mut self.branch(parent).pending) {
            if pending.children.iter().any(|child| group.contains(child)) {
                at = at.max(pending.at);
                group.extend(pending.children);
                if !pending.is_told {
                    self.tell(pending.failure);
                }
            } else {
                self.branch(parent).pending.push(pending);
            }
        }
        group.sort_unstable();
        group.dedup();
        failure.restart_at = Some(at);
        let pending = Pending { children: group.clone(), at, failure, is_told: false };
        self.branch(parent).pending.push(pending);
        group.into_iter().for_each(|child| self.halt(child, now));
    }

    /// Looks whether a supervisor is at rest, or has ended, and whether what a failure takes down is at rest.
    fn settle(&mut self, unit: usize, now: ProcessingTime) {
        let Some(branch) = &self.units[unit].branch else { return };
        let children = branch.children.clone();
        match self.units[unit].state {
            State::Halting if self.is_at_rest(&children) => {
                let losses = self.lost_by(&children);
                self.comes_to(unit, State::Rest, losses, now);
                let Some(failure) = self.branch(unit).fails.take() else {
                    return self.settle_above(unit, now);
                };
                if self.units[unit].parent.is_none() {
                    let losses = self.units[unit].losses.clone();
                    self.commands.push_back(Command::Finish(Err(Failure { losses, ..failure })));
                    return;
                }
                let Failure { kind, node, error, .. } = failure;
                self.fail(unit, kind, node, error, now);
            }
            State::Lives => {
                if self.is_at_rest(&children) {
                    self.branch(unit).ledger.rest(now);
                }
                self.tell_of_restarts(unit);
                let is_done =
                    |child: &usize| matches!(self.units[*child].state, State::Ended | State::Stopped);
                let is_pending =
                    self.units[unit].branch.as_ref().is_some_and(|branch| !branch.pending.is_empty());
                if is_pending || !children.iter().all(is_done) {
                    return;
                }
                self.comes_to(unit, State::Ended, Vec::new(), now);
            }
            State::Halting | State::Rest | State::Ended | State::Stopped => return,
        }
        self.settle_above(unit, now);
    }

    fn settle_above(&mut self, unit: usize, now: ProcessingTime) {
        match self.units[unit].parent {
            Some(parent) => self.settle(parent, now),
            None if self.units[unit].state == State::Ended => {
                let outcome = self.failed.take().map_or(Ok(()), Err);
                self.commands.push_back(Command::Finish(outcome));
            }
            None => {}
        }
    }

    fn tell_of_restarts(&mut self, unit: usize) {
        let mut pending = std::mem::take(&mut self.branch(unit).pending);
        for pending in &mut pending {
            if self.is_at_rest(&pending.children) && !std::mem::replace(&mut pending.is_told, true) {
                pending.failure.losses = self.lost_by(&pending.children);
                self.tell(pending.failure.clone());
            }
        }
        self.branch(unit).pending = pending;
    }

    /// What units at rest have lost.
    fn lost_by(&self, units: &[usize]) -> Vec<Loss> {
        let at_rest = units.iter().filter(|unit| self.units[**unit].state == State::Rest);
        at_rest.flat_map(|unit| self.units[*unit].losses.iter().cloned()).collect()
    }
}
