//! A graph as a state machine: what `graph!` expands to, seen from the worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use crate::graph::{Explanation, Report};
use crate::operator::{
    Agenda, Batch, Cause, Commits, Durable, Flush, Held, Operator, Panicked, Placed, Progress, Replays, Turn,
    blaming, watched,
};
use crate::state::Fields;

/// A compiled graph: a closure over its operators that obeys one [`Command`] at a time.
///
/// The closure is synchronous and holds no thread, clock or file: any executor can drive it.
#[derive(Debug)]
pub struct Machine<F, R> {
    obey: F,
    result: Option<R>,
}

/// What a worker asks of a graph.
#[derive(Debug)]
pub enum Command<'a, 't, 'c, R> {
    /// Refuse configurations that cannot work.
    Validate,
    /// Stand in a loop, whose agenda this is.
    EnterLoop(&'a Agenda),
    /// Does any operator ask what time it is?
    UsesClock,
    /// Is there room behind source number `source`?
    Room {
        /// Counted in topological order.
        source: usize,
    },
    /// Is there a batch at source number `source`?
    PollSource {
        /// Counted in topological order.
        source: usize,
        /// The waker to call, and the clock.
        turn: &'a mut Turn<'t, 'c>,
    },
    /// Has an operator work of its own to go on with, and is there room for it behind?
    PollWake(&'a mut Turn<'t, 'c>),
    /// Run to quiescence.
    Run {
        /// On a batch of this source, or on what woke operators up.
        source: Option<usize>,
        /// What holds for the batch.
        batch: Batch,
    },
    /// Bring everything to the outside.
    PollFlush(Flush, &'a mut Turn<'t, 'c>),
    /// Forget what sinks took in the batch that failed; add how many rows.
    Abandon(&'a mut u64),
    /// Has everyone gone who could see what the sinks do?
    Gone,
    /// Is nothing under way that could still emit?
    Idle,
    /// Yield the result.
    Finish(&'a mut Option<R>),
    /// Enter the books into a report.
    Report(&'a mut Report),
    /// Say how each node is.
    Explain(&'a mut Explanation),
    /// Visit what each node keeps. A graph that is not durable keeps nothing.
    Fields(&'a mut Fields<'t>),
    /// Bring out what belongs to the checkpoint that was cut.
    PollPreCommit(&'a mut Turn<'t, 'c>),
    /// Show what belongs to the checkpoint, which is durable.
    PollCommit(&'a mut Turn<'t, 'c>),
}

/// What a graph answers.
#[derive(Debug)]
pub enum Reply {
    /// Done, or yes.
    Ready,
    /// Not now; the waker will be called.
    Pending,
    /// The source has emitted its end.
    Ended,
    /// The node with this number gave up.
    Failed {
        /// The number of the node.
        node: usize,
        /// Why.
        cause: Cause,
    },
}

impl Reply {
    /// What polling node number `node` came to.
    #[inline]
    pub fn of(node: usize, poll: Poll<Result<(), Cause>>) -> Reply {
        match poll {
            Poll::Ready(Ok(())) => Reply::Ready,
            Poll::Ready(Err(cause)) => Reply::Failed { node, cause },
            Poll::Pending => Reply::Pending,
        }
    }

    /// Both are needed: a failure comes first, then what is pending.
    #[inline]
    pub fn and(self, other: Reply) -> Reply {
        match (self, other) {
            (failed @ Reply::Failed { .. }, _) | (_, failed @ Reply::Failed { .. }) => failed,
            (Reply::Pending, _) | (_, Reply::Pending) => Reply::Pending,
            (reply, _) => reply,
        }
    }

    /// Either will do: a failure comes first, then what is ready.
    #[inline]
    pub fn or(self, other: Reply) -> Reply {
        match (self, other) {
            (failed @ Reply::Failed { .. }, _) | (_, failed @ Reply::Failed { .. }) => failed,
            (Reply::Pending, reply) | (reply, _) => reply,
        }
    }

    /// As `Ready` or `Pending`.
    pub fn when(yes: bool) -> Reply {
        if yes { Reply::Ready } else { Reply::Pending }
    }
}

impl From<Progress> for Reply {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::More => Reply::Ready,
            Progress::Ended => Reply::Ended,
        }
    }
}

/// Whether anybody can still see what sinks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// No sink says.
    Nowhere,
    /// Nobody.
    Yes,
    /// Somebody.
    No,
}

impl Gone {
    /// Of both.
    pub fn and(self, other: Gone) -> Gone {
        match (self, other) {
            (Gone::No, _) | (_, Gone::No) => Gone::No,
            (Gone::Yes, _) | (_, Gone::Yes) => Gone::Yes,
            (Gone::Nowhere, Gone::Nowhere) => Gone::Nowhere,
        }
    }
}

impl From<Gone> for Reply {
    fn from(gone: Gone) -> Self {
        Reply::when(gone == Gone::Yes)
    }
}

impl<O: Operator> Placed<O> {
    /// Of a sink: see [`Operator::is_gone`].
    pub fn is_gone_sink(&mut self) -> Gone {
        match O::LEADS_NOWHERE {
            true => Gone::Nowhere,
            false if self.operator.is_gone() => Gone::Yes,
            false => Gone::No,
        }
    }

    /// Of a node that is no sink: there may be sinks in it.
    pub fn is_gone_inside(&mut self) -> Gone {
        if O::NESTS && !self.operator.is_gone() { Gone::No } else { Gone::Nowhere }
    }

    /// Polls the work that an operator has of its own; pending where it can have none, or where what
    /// it emits would find no `room`.
    #[inline(always)]
    pub fn poll_wake<const PLACE: usize>(
        &mut self,
        turn: &mut Turn<'_, '_>,
        room: impl FnOnce() -> bool,
    ) -> Reply {
        if !O::ACTIVE {
            return Reply::Pending;
        }
        let is_held = (O::HEEDS_SILENCE || O::NESTS) && turn.is_held(PLACE);
        let around = O::NESTS.then(|| turn.hold(Held::All(is_held)));
        // Calls that are under way go on in any case.
        let polled = blaming::<PLACE, _>(|| Reply::of(PLACE, self.operator.poll(turn)));
        if let Some(held) = around {
            turn.hold(held);
        }
        match polled {
            Reply::Ready if (O::HEEDS_SILENCE && is_held) || !room() => Reply::Pending,
            Reply::Ready => {
                self.operator.opened();
                Reply::Ready
            }
            reply => reply,
        }
    }

    /// See [`Operator::validate`].
    pub fn validate<const PLACE: usize>(&mut self) -> Reply {
        Reply::of(PLACE, Poll::Ready(self.operator.validate()))
    }

    /// See [`Operator::uses_clock`].
    pub fn uses_clock(&self) -> bool {
        self.operator.uses_clock()
    }

    /// Whether all that the operator was given has been brought out.
    #[inline(always)]
    pub fn is_clear(&self) -> bool {
        self.clear
    }

    /// See [`Operator::poll`].
    pub fn poll_source<const PLACE: usize>(&mut self, turn: &mut Turn<'_, '_>) -> Reply {
        // A graph without inputs goes on when it is woken; as a source all that is left to it is its end.
        if O::NESTS && self.operator.idle() {
            return Reply::Ready;
        }
        blaming::<PLACE, _>(|| Reply::of(PLACE, self.operator.poll(turn)))
    }

    /// See [`Operator::poll_flush`].
    #[inline(always)]
    pub fn poll_flush<const PLACE: usize>(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Reply {
        if self.broken {
            return Reply::Ready;
        }
        // Until it comes back: it may panic.
        self.broken = !O::NESTS;
        let flushed = blaming::<PLACE, _>(|| self.operator.poll_flush(turn, flush));
        self.broken &= matches!(flushed, Poll::Ready(Err(_)));
        self.clear = flushed.is_ready();
        Reply::of(PLACE, flushed)
    }
}

/// What a graph that keeps its state asks of a node. All of it has one bound, on the method: what does not meet it is reported once,
/// where the method is called.
macro_rules! asked {
    ($($bound:ident: $check:ident $visit:ident $pre_commit:ident $commit:ident),*) => {
        impl<O: Operator> Placed<O> {$(
            /// Checks that it can be asked.
            pub fn $check(&self)
            where
                O: $bound,
            {
            }

            /// Visits what the node keeps.
            pub fn $visit<const PLACE: usize>(&mut self, name: &str, fields: &mut Fields<'_>) -> Reply
            where
                O: $bound,
            {
                let visited = blaming::<PLACE, _>(|| self.fields(name, fields));
                Reply::of(PLACE, Poll::Ready(visited.map_err(Cause::from)))
            }

            /// See [`Durable::poll_pre_commit`].
            pub fn $pre_commit<const PLACE: usize>(&mut self, turn: &mut Turn<'_, '_>) -> Reply
            where
                O: $bound,
            {
                if self.pre_committed {
                    return Reply::Ready;
                }
                let polled = blaming::<PLACE, _>(|| self.operator.poll_pre_commit(turn));
                self.pre_committed = polled.is_ready();
                Reply::of(PLACE, polled)
            }

            /// See [`Durable::poll_commit`].
            pub fn $commit<const PLACE: usize>(&mut self, turn: &mut Turn<'_, '_>) -> Reply
            where
                O: $bound,
            {
                if self.committed {
                    return Reply::Ready;
                }
                let polled = blaming::<PLACE, _>(|| self.operator.poll_commit(turn));
                self.committed = polled.is_ready();
                Reply::of(PLACE, polled)
            }
        )*}
    };
}

asked! {
    Durable: is_saved visit poll_pre_commit poll_commit,
    Replays: is_replayed visit_source poll_pre_commit_source poll_commit_source,
    Commits: is_committed visit_sink poll_pre_commit_sink poll_commit_sink
}

impl<F, R> Machine<F, R>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    /// A machine that obeys by `obey`.
    pub fn new(obey: F) -> Self {
        Machine { obey, result: None }
    }

    /// Obeys a command; a panic becomes a failure of the node that panicked (rule K1).
    fn caught(&mut self, command: Command<'_, '_, '_, R>) -> Reply {
        // What a panic left half done is never used again: the run ends with the failure.
        let obeyed = watched(|| catch_unwind(AssertUnwindSafe(|| (self.obey)(command))));
        obeyed.unwrap_or_else(|payload| {
            let panicked = Panicked::of(payload);
            // No node: a panic of the library's own.
            Reply::Failed { node: panicked.place.unwrap_or(0), cause: panicked.into() }
        })
    }

    /// Refuses configurations that cannot work.
    pub fn validate(&mut self) -> Reply {
        (self.obey)(Command::Validate)
    }

    /// Whether any operator asks what time it is.
    pub fn uses_clock(&mut self) -> bool {
        matches!((self.obey)(Command::UsesClock), Reply::Ready)
    }

    /// Whether there is room behind source number `source`.
    pub fn has_room(&mut self, source: usize) -> bool {
        matches!((self.obey)(Command::Room { source }), Reply::Ready)
    }

    /// Whether source number `source` has a batch.
    pub fn poll_source(&mut self, source: usize, turn: &mut Turn<'_, '_>) -> Reply {
        self.caught(Command::PollSource { source, turn })
    }

    /// Whether an operator has work of its own.
    pub fn poll_wake(&mut self, turn: &mut Turn<'_, '_>) -> Reply {
        self.caught(Command::PollWake(turn))
    }

    /// Runs to quiescence: what woke up, then a batch of `source`.
    pub fn run(&mut self, source: Option<usize>, batch: Batch) -> Reply {
        self.caught(Command::Run { source, batch })
    }

    /// Brings to the outside what the batch left in the sinks.
    pub fn poll_flush(&mut self, flush: Flush, turn: &mut Turn<'_, '_>) -> Reply {
        self.caught(Command::PollFlush(flush, turn))
    }

    /// Lets sinks forget what they took in a batch that failed; gives how many rows.
    pub fn abandon(&mut self) -> u64 {
        let mut rows = 0;
        (self.obey)(Command::Abandon(&mut rows));
        rows
    }

    /// Whether everyone has gone who could see what the sinks do.
    pub fn is_gone(&mut self) -> bool {
        matches!((self.obey)(Command::Gone), Reply::Ready)
    }

    /// Whether nothing is under way.
    pub fn is_idle(&mut self) -> bool {
        matches!((self.obey)(Command::Idle), Reply::Ready)
    }

    /// The result; `None` a second time.
    pub fn finish(&mut self) -> Option<R> {
        (self.obey)(Command::Finish(&mut self.result));
        self.result.take()
    }

    /// The books.
    pub fn report(&mut self) -> Report {
        let mut report = Report::default();
        (self.obey)(Command::Report(&mut report));
        report
    }

    /// Visits what each node keeps.
    pub fn fields(&mut self, fields: &mut Fields<'_>) -> Reply {
        self.caught(Command::Fields(fields))
    }

    /// Brings out what belongs to the checkpoint that was cut.
    pub fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Reply {
        self.caught(Command::PollPreCommit(turn))
    }

    /// Shows what belongs to the checkpoint, which is durable.
    pub fn poll_commit(&mut self, turn: &mut Turn<'_, '_>) -> Reply {
        self.caught(Command::PollCommit(turn))
    }

    /// How each node is.
    pub fn explain(&mut self) -> Explanation {
        let mut explanation = Explanation::default();
        (self.obey)(Command::Explain(&mut explanation));
        explanation
    }
}
