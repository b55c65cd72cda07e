//! A placed operator, and the stage that runs it for a batch.

use serde::{Deserialize, Serialize};

use crate::envelope::Update;
use crate::port::{Chain, Conduct, Emitted, MAX_PORTS, Outputs, Push, Wired};
use crate::time::{Frontier, ProcessingTime, Timestamp};

use super::blame::blaming;
use super::{Durable, Input, Operator, Progress, Resume};
use crate::state::{Fields, Mismatch};

/// An operator at its place in a worker, with its books.
#[derive(Debug)]
pub struct Placed<O> {
    /// The operator.
    pub operator: O,
    counters: Counters,
    /// Whether all that it was given has been brought out.
    pub(crate) clear: bool,
    /// Whether it failed to bring it out: it is not asked again, so that others can go on.
    pub(crate) broken: bool,
    /// Whether it has brought out, and shown, what belongs to the last cut: it is not asked again while others are.
    pub(crate) pre_committed: bool,
    pub(crate) committed: bool,
}

impl<O: Durable> Placed<O> {
    /// Visits what the operator and its books keep; a visit that cuts tells the operator first.
    ///
    /// # Errors
    ///
    /// What was saved does not fit.
    pub fn fields(&mut self, name: &str, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        if fields.is_cut() {
            self.operator.cut();
            (self.pre_committed, self.committed) = (false, false);
        }
        fields.inside(name, |fields| {
            // Of several shards the first one's.
            fields.shared(BOOKS, &mut self.counters, |_, _| {})?;
            self.operator.fields(fields)
        })
    }
}

/// What the field is called in which a node's books are saved.
pub(crate) const BOOKS: &str = "(books)";

/// How many rows met with which fate at one node, since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub(crate) emitted: [Emitted; MAX_PORTS],
    pub(crate) tally: Tally,
}

/// The rows that an operator entered into the books itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) passed: u64,
    pub(crate) filtered: u64,
    pub(crate) absorbed: u64,
    pub(crate) late: u64,
    pub(crate) unassigned: u64,
}

impl<O: Operator> Placed<O> {
    /// Places an operator.
    pub fn new(operator: O) -> Self {
        Placed {
            operator,
            counters: Counters::default(),
            clear: true,
            broken: false,
            pre_committed: false,
            committed: false,
        }
    }

    /// The books.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The stage that runs the operator for one batch: entered by `inlet`, emitting into `wiring`.
    #[inline(always)]
    pub fn stage<const PLACE: usize, W: Wired, C>(
        &mut self,
        inlet: C,
        wiring: W,
        batch: Batch,
    ) -> Stage<'_, O, W::Outputs, C, PLACE> {
        Stage {
            operator: &mut self.operator,
            counters: &mut self.counters,
            inlet,
            outs: wiring.outputs(),
            cx: Cx { tally: Tally::default(), batch },
        }
    }

    /// The same for an operator that stands in for the one placed: a port of a named graph at its queue.
    #[inline(always)]
    pub fn stage_at<'a, const PLACE: usize, A: Operator, W: Wired, C>(
        &'a mut self,
        operator: &'a mut A,
        inlet: C,
        wiring: W,
        batch: Batch,
    ) -> Stage<'a, A, W::Outputs, C, PLACE> {
        let cx = Cx { tally: Tally::default(), batch };
        Stage { operator, counters: &mut self.counters, inlet, outs: wiring.outputs(), cx }
    }
}

/// What an operator can ask and say while it runs.
#[derive(Debug)]
pub struct Cx {
    tally: Tally,
    batch: Batch,
}

/// What holds for a whole batch.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// At most so many rows of a source.
    pub budget: usize,
    /// Whether the source is to emit its end.
    pub stopping: bool,
    /// The time on the clock, where any operator [uses it](Operator::USES_CLOCK).
    pub now: ProcessingTime,
}

impl Cx {
    /// What holds for the batch at hand.
    #[inline(always)]
    pub(crate) fn batch(&self) -> Batch {
        self.batch
    }

    /// How many rows a source may emit now.
    #[inline(always)]
    pub fn budget(&self) -> usize {
        self.batch.budget
    }

    /// Whether the graph drains: a source emits what it has taken already, and its end.
    #[inline(always)]
    pub fn stopping(&self) -> bool {
        self.batch.stopping
    }

    /// The time on the clock when the batch at hand was begun.
    ///
    /// Only an operator that [says so](Operator::USES_CLOCK) may ask: for others no clock is read.
    #[inline(always)]
    pub fn now(&self) -> ProcessingTime {
        self.batch.now
    }

    /// The row was passed on, as one row or several.
    #[inline(always)]
    pub fn passed(&mut self) {
        self.tally.passed += 1;
    }

    /// The row was filtered out.
    #[inline(always)]
    pub fn filtered(&mut self) {
        self.tally.filtered += 1;
    }

    /// The row went into the operator's state.
    #[inline(always)]
    pub fn absorbed(&mut self) {
        self.tally.absorbed += 1;
    }

    /// The row came too late.
    #[inline(always)]
    pub fn late(&mut self) {
        self.tally.late += 1;
    }

    /// The row belongs to no window.
    #[inline(always)]
    pub fn unassigned(&mut self) {
        self.tally.unassigned += 1;
    }
}

/// An operator at work on a batch: what it emits into stands behind it.
///
/// `PLACE` is the number of its node. Built for each batch and dropped with it; the counts of the batch are locals until
/// [`Chain::settle`].
#[derive(Debug)]
pub struct Stage<'a, O, Outs, C, const PLACE: usize> {
    operator: &'a mut O,
    counters: &'a mut Counters,
    inlet: C,
    outs: Outs,
    cx: Cx,
}

impl<O: Operator, Outs, C, const PLACE: usize> Stage<'_, O, Outs, C, PLACE> {
    #[inline(always)]
    pub(crate) fn push_at<const PORT: usize, D, T: Timestamp, R>(&mut self, row: Update<D, T, R>)
    where
        O: Input<PORT, D, T, R, Outs>,
    {
        // An independent count, to hold the senders' books against: see `Report::conserved`.
        if cfg!(debug_assertions) {
            self.cx.tally.received += 1;
        }
        blaming::<PLACE, _>(|| self.operator.push(row, &mut self.outs, &mut self.cx));
    }

    #[inline(always)]
    pub(crate) fn advance_at<const PORT: usize, D, T: Timestamp, R>(&mut self, frontier: Frontier<T>)
    where
        O: Input<PORT, D, T, R, Outs>,
    {
        blaming::<PLACE, _>(|| self.operator.advance(frontier, &mut self.outs, &mut self.cx));
    }

    /// Runs a source on a batch of its own.
    #[inline(always)]
    pub fn run(&mut self) -> Progress
    where
        O: Resume<Outs>,
    {
        blaming::<PLACE, _>(|| self.operator.resume(&mut self.outs, &mut self.cx))
    }
}

impl<O: Resume<Outs>, Outs: Outputs, C, const PLACE: usize> Chain for Stage<'_, O, Outs, C, PLACE> {
    #[inline(always)]
    fn wake(&mut self) {
        if O::ACTIVE {
            blaming::<PLACE, _>(|| self.operator.resume(&mut self.outs, &mut self.cx));
        }
        self.outs.wake();
    }

    #[inline(always)]
    fn settle(&mut self) {
        let tally = std::mem::take(&mut self.cx.tally);
        let books = &mut self.counters.tally;
        books.received += tally.received;
        books.passed += tally.passed;
        books.filtered += tally.filtered;
        books.absorbed += tally.absorbed;
        books.late += tally.late;
        books.unassigned += tally.unassigned;
        self.outs.settle(&mut self.counters.emitted, self.cx.batch.now);
    }
}

impl<D, T, R, O, Outs, C, const PLACE: usize> Push<D, T, R> for Stage<'_, O, Outs, C, PLACE>
where
    T: Timestamp,
    C: Conduct<D, T, R>,
    O: Input<0, C::Data, C::Time, C::Diff, Outs> + Resume<Outs>,
    Outs: Outputs,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>) {
        self.push_at::<0, _, _, _>(self.inlet.row(row));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>) {
        self.advance_at::<0, C::Data, C::Time, C::Diff>(self.inlet.frontier(frontier));
    }
}
