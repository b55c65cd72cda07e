//! What came lately, for another time.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fields::Fields;
use super::mismatch::Mismatch;
use super::storable::{State, Storable};
use crate::envelope::{Message, Update};
use crate::time::{EventTime, Frontier, TimeDelta};

/// The rows and frontiers of a stream that came lately, by event time: what [`keep`](crate::operator::order::keep) writes and
/// [`replay`](crate::source::replay) reads. All clones of it are one log.
///
/// A row is kept until the frontier is further beyond its time than was asked for; at the end of the stream what is there
/// stays. It may take twice the room that those rows need.
#[derive(Debug)]
pub struct EventLog<D, R = ()>(Arc<Mutex<Kept<D, R>>>);

#[derive(Debug)]
struct Kept<D, R> {
    keep: TimeDelta,
    messages: VecDeque<Message<D, EventTime, R>>,
    frontier: Frontier<EventTime>,
    complete_from: EventTime,
    /// At how many messages what is too old is looked for.
    full: usize,
}

/// Below so many messages nothing is looked for.
const FEW: usize = 64;

/// The log does not hold the whole of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotInLog {
    /// What is before this may have been dropped.
    #[non_exhaustive]
    Dropped {
        /// The first time from which on everything is there.
        complete_from: EventTime,
    },
    /// There may be more to come.
    #[non_exhaustive]
    Open {
        /// The first time of which rows may be to come.
        frontier: EventTime,
    },
}

impl fmt::Display for NotInLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotInLog::Dropped { complete_from } => {
                write!(f, "the log is complete from {complete_from} on only")
            }
            NotInLog::Open { frontier } => write!(f, "the stream of the log has come to {frontier} only"),
        }
    }
}

impl std::error::Error for NotInLog {}

impl<D, R> EventLog<D, R> {
    /// A log that keeps what is at most so far behind the frontier.
    pub fn new(keep: TimeDelta) -> Self {
        let kept = Kept {
            keep,
            messages: VecDeque::new(),
            frontier: Frontier::start(),
            complete_from: EventTime::MIN,
            full: FEW,
        };
        EventLog(Arc::new(Mutex::new(kept)))
    }

    /// How far the stream has come.
    pub fn frontier(&self) -> Frontier<EventTime> {
        self.lock().frontier
    }

    /// The first time from which on every row is there that has come.
    pub fn complete_from(&self) -> EventTime {
        self.lock().complete_from
    }

    /// The rows of a range of times, `[start, end)`, and the frontiers between them, in the order in which they came.
    ///
    /// # Errors
    ///
    /// Where some of them may have been dropped, or may be to come.
    pub fn range(&self, times: &Range<EventTime>) -> Result<Vec<Message<D, EventTime, R>>, NotInLog>
    where
        D: Clone,
        R: Clone,
    {
        let kept = self.lock();
        if times.start < kept.complete_from {
            return Err(NotInLog::Dropped { complete_from: kept.complete_from });
        }
        if let Some(frontier) = kept.frontier.time()
            && *frontier < times.end
        {
            return Err(NotInLog::Open { frontier: *frontier });
        }
        let is_asked_for = |message: &&Message<D, EventTime, R>| match message {
            Message::Row(row) => times.contains(&row.time),
            Message::Frontier(_) => true,
        };
        Ok(together(kept.messages.iter().filter(is_asked_for).cloned()).into())
    }

    /// Refuses a length below zero.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let keep = self.lock().keep;
        if keep.is_negative() {
            return Err(format!("the length of a log must not be below zero, found {} us", keep.micros()));
        }
        Ok(())
    }

    pub(crate) fn row(&self, row: Update<D, EventTime, R>) {
        self.lock().add(Message::Row(row));
    }

    pub(crate) fn advance(&self, frontier: Frontier<EventTime>) {
        let mut kept = self.lock();
        kept.frontier = frontier;
        kept.move_on();
        kept.add(Message::Frontier(frontier));
    }

    fn lock(&self) -> MutexGuard<'_, Kept<D, R>> {
        // Whatever panicked, a log is a log.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it keeps; for how long it does is not saved, and may be another length after a restart.
impl<D: Storable, R: Storable> State for EventLog<D, R> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let mut kept = self.lock();
        fields.value("messages", &mut kept.messages)?;
        fields.value("frontier", &mut kept.frontier)?;
        fields.value("complete_from", &mut kept.complete_from)?;
        if fields.is_loading() {
            kept.move_on();
            kept.drop_old();
        }
        Ok(())
    }
}

impl<D, R> Clone for EventLog<D, R> {
    fn clone(&self) -> Self {
        EventLog(Arc::clone(&self.0))
    }
}

impl<D, R> Kept<D, R> {
    /// The frontier may be further beyond some rows than was asked for.
    fn move_on(&mut self) {
        if let Some(time) = self.frontier.time() {
            self.complete_from = self.complete_from.max(*time + -self.keep);
        }
    }

    fn add(&mut self, message: Message<D, EventTime, R>) {
        add(&mut self.messages, message);
        if self.messages.len() >= self.full {
            self.drop_old();
        }
    }

    /// Looks for what is too old, in all that is there: once for each time that it has doubled.
    fn drop_old(&mut self) {
        let complete_from = self.complete_from;
        let is_kept = |message: &Message<D, EventTime, R>| match message {
            Message::Row(row) => row.time >= complete_from,
            Message::Frontier(_) => true,
        };
        self.messages = together(std::mem::take(&mut self.messages).into_iter().filter(is_kept));
        self.full = FEW.max(self.messages.len() * 2);
    }
}

/// Adds a message; of several frontiers without a row between them the last is enough.
fn add<D, R>(messages: &mut VecDeque<Message<D, EventTime, R>>, message: Message<D, EventTime, R>) {
    match (messages.back_mut(), message) {
        (Some(Message::Frontier(last)), Message::Frontier(frontier)) => *last = frontier,
        (_, message) => messages.push_back(message),
    }
}

fn together<D, R>(
    messages: impl Iterator<Item = Message<D, EventTime, R>>,
) -> VecDeque<Message<D, EventTime, R>> {
    let mut all = VecDeque::new();
    messages.for_each(|message| add(&mut all, message));
    all
}
