//! What an operator is given when it is polled: a waker, and a clock.

use std::fmt;
use std::task::{Context, Poll};

use crate::time::{Clock, ProcessingTime};

/// An operator's turn to go on with work of its own.
///
/// It hands on the waker of the task that runs the graph, and an alarm clock. The clock is read at most once a turn, and
/// only where somebody asks.
pub struct Turn<'a, 'c> {
    context: &'a mut Context<'c>,
    clock: &'a mut dyn Clock,
    now: Option<ProcessingTime>,
    alarm: Option<ProcessingTime>,
    stopping: bool,
    held: Held<'a>,
}

/// Behind which sources that are not taken from, for want of room, a node stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'a> {
    /// Which nodes do, by number; one that is not there does not.
    Nodes(&'a [bool]),
    /// Whether all do: those of a graph inside a node.
    All(bool),
}

impl fmt::Debug for Turn<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("now", &self.now).field("alarm", &self.alarm).finish_non_exhaustive()
    }
}

impl<'a, 'c> Turn<'a, 'c> {
    /// A turn by this waker and this clock.
    pub fn new(context: &'a mut Context<'c>, clock: &'a mut dyn Clock) -> Self {
        Turn { context, clock, now: None, alarm: None, stopping: false, held: Held::Nodes(&[]) }
    }

    /// The same turn, of a graph that drains or does not.
    pub(crate) fn stopping(self, stopping: bool) -> Self {
        Turn { stopping, ..self }
    }

    /// Notes which nodes stand behind sources that are held back; gives what was noted before.
    pub(crate) fn hold(&mut self, held: Held<'a>) -> Held<'a> {
        std::mem::replace(&mut self.held, held)
    }

    /// Whether a source that leads to this node is held back.
    pub(crate) fn is_held(&self, node: usize) -> bool {
        match self.held {
            Held::Nodes(nodes) => nodes.get(node).is_some_and(|is_held| *is_held),
            Held::All(is_held) => is_held,
        }
    }

    /// Whether the graph drains: no source is waited for.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// The waker of the task.
    pub fn context(&mut self) -> &mut Context<'c> {
        self.context
    }

    /// The time now.
    pub fn now(&mut self) -> ProcessingTime {
        *self.now.get_or_insert_with(|| self.clock.now())
    }

    /// Ready at `at` or after it; otherwise the operator is polled again then.
    pub fn until(&mut self, at: ProcessingTime) -> Poll<()> {
        if self.now() >= at {
            return Poll::Ready(());
        }
        self.alarm = Some(self.alarm.map_or(at, |alarm| alarm.min(at)));
        Poll::Pending
    }

    /// Sets the clock to the earliest time that was asked for; ready where that has passed meanwhile.
    pub(crate) fn arm(&mut self) -> Poll<()> {
        match self.alarm {
            Some(at) => self.clock.poll_until(at, self.context),
            None => Poll::Pending,
        }
    }
}
