//! A graph as a state machine: what `graph!` expands to, seen from the worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use crate::graph::Report;
use crate::operator::{Cause, Flush, Operator, Placed, Progress, at_fault, blaming};

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
pub enum Command<'a, 'c, R> {
    /// Refuse configurations that cannot work.
    Validate,
    /// Is there a batch at source number `source`?
    PollSource {
        /// Counted in topological order.
        source: usize,
        /// The waker to call.
        context: &'a mut Context<'c>,
    },
    /// Has an operator work of its own to go on with?
    PollWake(&'a mut Context<'c>),
    /// Run to quiescence.
    Run {
        /// On a batch of this source, or on what woke operators up.
        source: Option<usize>,
        /// At most so many rows.
        budget: usize,
        /// Whether the source is to emit its end.
        stopping: bool,
    },
    /// Bring everything to the outside.
    PollFlush(Flush, &'a mut Context<'c>),
    /// Has everyone gone who could see what the sinks do?
    Gone,
    /// Is nothing under way that could still emit?
    Idle,
    /// Yield the result.
    Finish(&'a mut Option<R>),
    /// Enter the books into a report.
    Report(&'a mut Report),
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

/// A node panicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {message}")]
pub struct Panicked {
    /// What it said.
    pub message: String,
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

impl<O: Operator> Placed<O> {
    /// Polls the work that an operator has of its own; pending where it can have none.
    #[inline(always)]
    pub fn poll_wake<const PLACE: usize>(&mut self, context: &mut Context<'_>) -> Reply {
        if !O::ACTIVE {
            return Reply::Pending;
        }
        blaming::<PLACE, _>(|| Reply::of(PLACE, self.operator.poll(context)))
    }

    /// See [`Operator::validate`].
    pub fn validate<const PLACE: usize>(&self) -> Reply {
        Reply::of(PLACE, Poll::Ready(self.operator.validate()))
    }

    /// See [`Operator::poll`].
    pub fn poll_source<const PLACE: usize>(&mut self, context: &mut Context<'_>) -> Reply {
        blaming::<PLACE, _>(|| Reply::of(PLACE, self.operator.poll(context)))
    }

    /// See [`Operator::poll_flush`].
    #[inline(always)]
    pub fn poll_flush<const PLACE: usize>(&mut self, context: &mut Context<'_>, flush: Flush) -> Reply {
        blaming::<PLACE, _>(|| Reply::of(PLACE, self.operator.poll_flush(context, flush)))
    }
}

impl<F, R> Machine<F, R>
where
    F: FnMut(Command<'_, '_, R>) -> Reply,
{
    /// A machine that obeys by `obey`.
    pub fn new(obey: F) -> Self {
        Machine { obey, result: None }
    }

    /// Obeys a command; a panic becomes a failure of the node that panicked (rule K1).
    fn caught(&mut self, command: Command<'_, '_, R>) -> Reply {
        // What a panic left half done is never used again: the run ends with the failure.
        catch_unwind(AssertUnwindSafe(|| (self.obey)(command))).unwrap_or_else(|payload| {
            let message = payload.downcast::<String>().map(|message| *message);
            let message = message.or_else(|payload| payload.downcast::<&str>().map(|text| text.to_string()));
            let message = message.unwrap_or_else(|_| "a panic without a message".to_owned());
            // No node: a panic of the library's own.
            Reply::Failed { node: at_fault().unwrap_or(0), cause: Panicked { message }.into() }
        })
    }

    /// Refuses configurations that cannot work.
    pub fn validate(&mut self) -> Reply {
        (self.obey)(Command::Validate)
    }

    /// Whether source number `source` has a batch.
    pub fn poll_source(&mut self, source: usize, context: &mut Context<'_>) -> Reply {
        self.caught(Command::PollSource { source, context })
    }

    /// Whether an operator has work of its own.
    pub fn poll_wake(&mut self, context: &mut Context<'_>) -> Reply {
        self.caught(Command::PollWake(context))
    }

    /// Runs to quiescence: what woke up, then a batch of `source`.
    pub fn run(&mut self, source: Option<usize>, budget: usize, stopping: bool) -> Reply {
        self.caught(Command::Run { source, budget, stopping })
    }

    /// Brings to the outside what the batch left in the sinks.
    pub fn poll_flush(&mut self, flush: Flush, context: &mut Context<'_>) -> Reply {
        self.caught(Command::PollFlush(flush, context))
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

    /// Enters the books into a report.
    pub fn report(&mut self, report: &mut Report) {
        (self.obey)(Command::Report(report));
    }
}
