//! A placed operator, and the stage that runs it for a batch.

use crate::envelope::Update;
use crate::port::{Chain, Conduct, Outputs, Push, Wired};
use crate::time::{Frontier, Timestamp};

use super::blame::blaming;
use super::{Input, Operator, Progress, Resume};

/// The greatest number of output ports of one node.
pub(crate) const MAX_PORTS: usize = 4;

/// An operator at its place in a worker, with its books.
#[derive(Debug)]
pub struct Placed<O> {
    /// The operator.
    pub operator: O,
    counters: Counters,
}

/// How many rows met with which fate at one node, since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub(crate) emitted: [u64; MAX_PORTS],
    pub(crate) tally: Tally,
}

/// The rows that an operator entered into the books itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) passed: u64,
    pub(crate) filtered: u64,
    pub(crate) absorbed: u64,
    pub(crate) late: u64,
}

impl<O: Operator> Placed<O> {
    /// Places an operator.
    pub fn new(operator: O) -> Self {
        Placed { operator, counters: Counters::default() }
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
        budget: usize,
        stopping: bool,
    ) -> Stage<'_, O, W::Outputs, C, PLACE> {
        Stage {
            operator: &mut self.operator,
            counters: &mut self.counters,
            inlet,
            outs: wiring.outputs(),
            cx: Cx { tally: Tally::default(), budget, stopping },
        }
    }
}

/// What an operator can ask and say while it runs.
#[derive(Debug)]
pub struct Cx {
    tally: Tally,
    budget: usize,
    stopping: bool,
}

impl Cx {
    /// How many rows a source may emit now.
    #[inline(always)]
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Whether the graph drains: a source emits what it has taken already, and its end.
    #[inline(always)]
    pub fn stopping(&self) -> bool {
        self.stopping
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
        self.outs.settle(&mut self.counters.emitted);
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
