//! A named graph under test.

use std::marker::PhantomData;

use super::driven::Driven;
use crate::envelope::{Message, Update};
use crate::executor::{Command, Graph, Guarantee, Receiver, Reply, Sender, Volatile};
use crate::graph::{Error, Explanation, Report};
use crate::state::{Loading, Mismatch, Part, Shard};
use crate::time::{Clock, Frontier, ManualClock, TimeDelta, Timestamp};

/// A named graph under test: what `name::harness(..)` gives.
///
/// Nothing runs but by [`settle`](Harness::settle) and [`finish`](Harness::finish). The clock stands still
/// until it is [moved](Harness::advance).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph evens(numbers: u64) -> (halves: u64) {
///         numbers -> filter(|n| n % 2 == 0) -> map(|n| n / 2) -> halves;
///     }
/// }
///
/// let mut evens = evens::harness();
/// evens.inputs.numbers.send(4);
/// evens.inputs.numbers.send(5);
/// evens.settle();
/// assert_eq!(evens.outputs.halves.take(), [2]);
/// evens.finish().expect("nothing fails").assert_conserved();
/// ```
#[derive(Debug)]
pub struct Harness<F, I, O, G = Volatile> {
    /// The inputs, a [`Feed`] each.
    pub inputs: I,
    /// The outputs, a [`Tap`] each.
    pub outputs: O,
    driven: Driven<F, Report>,
    clock: ManualClock,
    guarantee: PhantomData<fn() -> G>,
}

impl<F, I, O, G> Harness<F, I, O, G>
where
    F: FnMut(Command<'_, '_, '_, Report>) -> Reply,
{
    #[doc(hidden)]
    pub fn new<C: Clock>(graph: Graph<F, Report, C, G>, inputs: I, outputs: O) -> Self {
        let clock = ManualClock::new();
        let driven = Driven::new(graph, clock.clone());
        Harness { inputs, outputs, driven, clock, guarantee: PhantomData }
    }

    /// The clock of the graph; all clones of it are one clock.
    pub fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// Draws which source is next, and how much is taken from it, from a seed.
    pub fn seed(&mut self, seed: u64) {
        self.driven.worker.draw(seed);
    }

    /// Runs the graph until it has nothing to do but wait: for input, for the clock, for calls of others.
    ///
    /// # Panics
    ///
    /// Where the graph fails; see [`try_settle`](Harness::try_settle).
    #[track_caller]
    pub fn settle(&mut self) {
        if let Err(error) = self.try_settle() {
            panic!("{error}");
        }
    }

    /// As [`settle`](Harness::settle), for graphs that are to fail.
    ///
    /// # Errors
    ///
    /// The failure, once; the graph has ended with it.
    pub fn try_settle(&mut self) -> Result<(), Error> {
        self.driven.settle();
        match &mut self.driven.ended {
            Some(failed @ Err(_)) => std::mem::replace(failed, Ok(())),
            _ => Ok(()),
        }
    }

    /// Moves the clock on, and lets the graph settle.
    ///
    /// # Panics
    ///
    /// Where the graph fails.
    #[track_caller]
    pub fn advance(&mut self, by: TimeDelta) {
        self.settle();
        self.clock.advance(by);
        self.settle();
    }

    /// How each node is.
    pub fn explain(&mut self) -> Explanation {
        self.driven.worker.explain()
    }

    /// Whether the graph has ended: every input is closed and all that it had to do is done.
    pub fn is_ended(&self) -> bool {
        self.driven.ended.is_some()
    }

    /// Drains the graph: ends its sources, and lets it settle. The outputs can still be looked at, and
    /// [`report`](Harness::report) gives the books.
    ///
    /// # Errors
    ///
    /// The failure that it ended with; or [`Error::Stuck`], where calls are in flight still or a sink cannot write:
    /// move the clock, or what else they wait for, before.
    pub fn finish(&mut self) -> Result<Finished, Error> {
        self.driven.worker.drain();
        self.try_settle()?;
        if !self.is_ended() {
            let stuck = self.driven.worker.holding();
            return Err(Error::Stuck { within: TimeDelta::ZERO, stuck, after: None });
        }
        Ok(Finished { report: self.report() })
    }

    /// The books so far.
    pub fn report(&mut self) -> Report {
        self.driven.worker.report()
    }
}

impl<F, I, O, G: Guarantee> Harness<F, I, O, G>
where
    F: FnMut(Command<'_, '_, '_, Report>) -> Reply,
{
    /// What the graph keeps, as a checkpoint at this moment would hold it. Rows that were sent and not worked on yet, and outputs that
    /// were not taken, are outside of the graph and not in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    ///
    /// graph! {
    ///     graph totals(numbers: u64) -> (sums: u128) {
    ///         #![durable]
    ///         sum = running_sum();
    ///         numbers -> sum -> sums;
    ///     }
    /// }
    ///
    /// let mut before = totals::harness();
    /// before.inputs.numbers.send(4);
    /// before.settle();
    /// let saved = before.save();
    ///
    /// let mut after = totals::harness();
    /// after.restore(&saved).expect("the same graph");
    /// after.inputs.numbers.send(5);
    /// after.settle();
    /// assert_eq!(after.outputs.sums.take(), [9]);
    /// ```
    pub fn save(&mut self) -> Saved {
        Saved { parts: self.driven.worker.save_all() }
    }

    /// Gives a graph that has not run yet what another one kept: it goes on where that one was.
    ///
    /// # Errors
    ///
    /// What was kept does not fit this graph.
    pub fn restore(&mut self, saved: &Saved) -> Result<(), Mismatch> {
        self.driven.worker.load_all(saved.loading())
    }

    /// Gives a graph that has not run yet what belongs to one shard of what the shards of another division kept (rules H9, H10): of maps
    /// the keys that it [owns](Shard::owns), of [lists](crate::state::List) what they say.
    ///
    /// # Errors
    ///
    /// What was kept does not fit this graph, or cannot be divided.
    pub fn restore_shard(&mut self, saved: &[Saved], shard: Shard) -> Result<(), Mismatch> {
        self.driven.worker.load_all(Loading::rescaled(saved.iter().map(Saved::loading), shard))
    }
}

/// What a graph under test kept at some moment; see [`Harness::save`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    parts: Vec<Part>,
}

impl Saved {
    fn loading(&self) -> Loading {
        let mut loading = Loading::of_one();
        for part in &self.parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        loading
    }
}

/// A graph that has ended under test.
#[derive(Clone, Debug)]
pub struct Finished {
    report: Report,
}

impl Finished {
    /// The books.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Panics unless every row that entered a node is accounted for (rule Z2).
    #[track_caller]
    pub fn assert_conserved(&self) {
        if let Err(imbalance) = self.report.conserved() {
            panic!("{imbalance}\n{}", self.report);
        }
    }
}

/// An input of a graph under test.
#[derive(Debug)]
pub struct Feed<D, T: Timestamp = (), R = ()>(Option<Sender<D, T, R>>);

impl<D> Feed<D> {
    /// Sends a row.
    ///
    /// # Panics
    ///
    /// Where the input is closed, or the graph has ended.
    #[track_caller]
    pub fn send(&self, row: D) {
        self.update(Update::from(row));
    }
}

impl<D, T: Timestamp> Feed<D, T> {
    /// Sends a row with its time.
    ///
    /// # Panics
    ///
    /// Where the input is closed, or the graph has ended.
    #[track_caller]
    pub fn send_at(&self, row: D, time: T) {
        self.update(Update { data: row, time, diff: () });
    }
}

impl<D, T: Timestamp, R> Feed<D, T, R> {
    #[doc(hidden)]
    pub fn new(sender: Sender<D, T, R>) -> Self {
        Feed(Some(sender))
    }

    /// Sends a row in its envelope.
    ///
    /// # Panics
    ///
    /// Where the input is closed, or the graph has ended.
    #[track_caller]
    pub fn update(&self, row: Update<D, T, R>) {
        self.message(Message::Row(row));
    }

    /// Promises that no row before `time` is still to come.
    ///
    /// # Panics
    ///
    /// Where the input is closed, or the graph has ended.
    #[track_caller]
    pub fn advance_to(&self, time: T) {
        self.message(Message::Frontier(Frontier::at(time)));
    }

    /// Promises the same, and that nothing more is expected for now: the stream is [idle](Frontier::idle) until it is
    /// [advanced](Feed::advance_to), to the same time or a later one.
    ///
    /// # Panics
    ///
    /// Where the input is closed, or the graph has ended.
    #[track_caller]
    pub fn idle_at(&self, time: T) {
        self.message(Message::Frontier(Frontier::at(time).idle()));
    }

    /// Ends the stream.
    pub fn close(&mut self) {
        self.0 = None;
    }

    /// Sends a row or a frontier.
    ///
    /// # Panics
    ///
    /// Where the input is closed, or the graph has ended.
    #[track_caller]
    pub fn message(&self, message: Message<D, T, R>) {
        let Some(sender) = &self.0 else { panic!("this input is closed") };
        assert!(sender.send_now(message).is_ok(), "the graph has ended and takes no more");
    }
}

/// An output of a graph under test.
#[derive(Debug)]
pub struct Tap<D, T: Timestamp = (), R = ()>(Receiver<D, T, R>);

impl<D, T: Timestamp, R> Tap<D, T, R> {
    #[doc(hidden)]
    pub fn new(receiver: Receiver<D, T, R>) -> Self {
        Tap(receiver)
    }

    /// What has come out since it was asked last, without times and diffs.
    pub fn take(&mut self) -> Vec<D> {
        self.updates().into_iter().map(|update| update.data).collect()
    }

    /// What has come out since it was asked last.
    pub fn updates(&mut self) -> Vec<Update<D, T, R>> {
        std::iter::from_fn(|| self.0.update_now()).collect()
    }

    /// The rows and frontiers that have come out since it was asked last, in their order.
    pub fn messages(&mut self) -> Vec<Message<D, T, R>> {
        std::iter::from_fn(|| self.0.message_now()).collect()
    }

    /// How far the output had come when it was looked at last.
    pub fn frontier(&self) -> &Frontier<T> {
        self.0.frontier()
    }
}
