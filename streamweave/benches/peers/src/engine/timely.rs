//! timely dataflow, on one worker in this thread.
//!
//! Input goes in by containers of the size that timely itself prefers. Operators that keep the type
//! of their rows work in place. What is keyed is exchanged by key, which on one worker costs nothing.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::rc::Rc;

use foldhash::fast::FixedState;
use timely::container::CapacityContainerBuilder;
use timely::container::buffer::default_capacity;
use timely::dataflow::channels::pact::{Exchange, ParallelizationContract, Pipeline};
use timely::dataflow::operators::vec::{Filter, Map};
use timely::dataflow::operators::{Capability, Operator};
use timely::dataflow::{InputHandle, StreamVec};
use timely::progress::Timestamp;
use timely::worker::Worker;

use super::Work;
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, records};
use crate::workload::windows::{BATCH, Bid, DISPLACEMENT, Pane, Panes, Windows};
use crate::workload::words::{Lines, Tally, WordCounts, cut};

/// timely dataflow.
pub(super) struct Timely;

impl Work for Timely {
    fn five_operators(&self, numbers: &'static [u64]) -> u64 {
        execute(0, move |worker, sum| {
            let mut input = InputHandle::<(), _>::new();
            worker.dataflow(|scope| {
                let kept = input
                    .to_stream(scope)
                    .map_in_place(|x: &mut u64| *x = spread(*x))
                    .filter(|&x| is_odd(x))
                    .map_in_place(|x| *x = fold_down(*x))
                    .filter(|&x| is_kept(x))
                    .map_in_place(|x| *x = spread_again(*x));
                for_each(kept, sum, |sum: &mut u64, x| *sum = sum.wrapping_add(x));
            });
            feed(worker, &mut input, numbers);
        })
    }

    fn borrowed_words(&self, lines: Lines) -> WordCounts {
        execute(WordCounts::default(), move |worker, answer| {
            let mut input = InputHandle::<(), _>::new();
            worker.dataflow(|scope| {
                let lines: StreamVec<'_, (), &'static str> = input.to_stream(scope);
                let counts =
                    counted(lines, Pipeline, |tally, line| cut(line).for_each(|word| tally.add(word)));
                for_each(counts, answer, |answer, (word, count)| answer.enter(&word, count));
            });
            feed(worker, &mut input, lines);
        })
    }

    fn owned_words(&self, lines: Lines) -> WordCounts {
        execute(WordCounts::default(), move |worker, answer| {
            let mut input = InputHandle::<(), _>::new();
            worker.dataflow(|scope| {
                let lines: StreamVec<'_, (), &'static str> = input.to_stream(scope);
                let words = lines.flat_map(|line| cut(line).map(str::to_owned));
                let by_word = Exchange::new(|word: &String| FixedState::default().hash_one(word));
                let counts = counted(words, by_word, Tally::add_owned);
                for_each(counts, answer, |answer, (word, count)| answer.enter(&word, count));
            });
            feed(worker, &mut input, lines);
        })
    }

    /// Timely's time is the watermark; a bid's own time is data. timely has no windows, so these are
    /// the loop's, behind its frontier.
    fn windowed_count(&self, bids: &'static [Bid]) -> Panes {
        execute(Panes::default(), move |worker, panes| {
            let mut input = InputHandle::<i64, _>::new();
            worker.dataflow(|scope| for_each(windowed(input.to_stream(scope)), panes, Panes::enter));
            let mut greatest = i64::MIN;
            let mut buffer = Vec::with_capacity(BATCH);
            for batch in bids.chunks(BATCH) {
                greatest = batch.iter().fold(greatest, |greatest, bid| greatest.max(bid.time));
                buffer.extend_from_slice(batch);
                input.send_batch(&mut buffer);
                input.advance_to(greatest - DISPLACEMENT);
                worker.step();
            }
        })
    }

    /// The thread that watches the clock is the worker's, which steps until the record has arrived.
    fn paced_records(&self, count: usize) -> Arrivals {
        execute(Arrivals::new(count), move |worker, arrivals| {
            let mut input = InputHandle::<u64, _>::new();
            worker.dataflow(|scope| {
                let records = input
                    .to_stream(scope)
                    .map_in_place(|record: &mut Record| *record = record.map(spread))
                    .map_in_place(|record| *record = record.map(fold_down))
                    .map_in_place(|record| *record = record.map(spread_again));
                for_each(records, Rc::clone(&arrivals), Arrivals::take);
            });
            for (sent, record) in records(count).enumerate() {
                input.send(record);
                input.advance_to(sent as u64 + 1);
                while arrivals.borrow().len() <= sent {
                    worker.step();
                }
            }
        })
    }
}

/// Runs a dataflow to its end; what it fills is the answer.
fn execute<A: Send + Sync + Clone + 'static>(
    empty: A,
    dataflow: impl FnOnce(&mut Worker, Rc<RefCell<A>>) + Send + Sync + 'static,
) -> A {
    timely::execute_directly(move |worker| {
        let answer = Rc::new(RefCell::new(empty));
        dataflow(worker, Rc::clone(&answer));
        while worker.has_dataflows() {
            worker.step();
        }
        Rc::unwrap_or_clone(answer).into_inner()
    })
}

/// Feeds rows by the container, and lets the worker work off each.
fn feed<D: Copy + 'static>(
    worker: &mut Worker,
    input: &mut InputHandle<(), CapacityContainerBuilder<Vec<D>>>,
    rows: &[D],
) {
    let capacity = default_capacity::<D>();
    let mut buffer = Vec::with_capacity(capacity);
    for batch in rows.chunks(capacity) {
        buffer.extend_from_slice(batch);
        input.send_batch(&mut buffer);
        worker.step();
    }
}

/// A sink that fills `answer`.
fn for_each<T: Timestamp, D: 'static, A: 'static>(
    rows: StreamVec<'_, T, D>,
    answer: Rc<RefCell<A>>,
    enter: impl Fn(&mut A, D) + 'static,
) {
    rows.sink(Pipeline, "ForEach", move |(input, _)| {
        let answer = &mut *answer.borrow_mut();
        input.for_each(|_, batch| batch.drain(..).for_each(|row| enter(answer, row)));
    });
}

/// Counts until the input has ended, then gives the counts.
fn counted<'scope, D: 'static, P>(
    rows: StreamVec<'scope, (), D>,
    pact: P,
    add: impl Fn(&mut Tally, D) + 'static,
) -> StreamVec<'scope, (), (String, u64)>
where
    P: ParallelizationContract<(), Vec<D>>,
{
    rows.unary_frontier(pact, "Count", move |capability, _| {
        let (mut tally, mut held) = (Tally::default(), Some(capability));
        move |(input, frontier), output| {
            input.for_each(|_, batch| batch.drain(..).for_each(|row| add(&mut tally, row)));
            if frontier.is_empty()
                && let Some(held) = held.take()
            {
                output.session(&held).give_iterator(tally.drain());
            }
        }
    })
}

/// Counts bids per auction and window; fires behind the frontier.
fn windowed(bids: StreamVec<'_, i64, Bid>) -> StreamVec<'_, i64, Pane> {
    let by_auction = Exchange::new(|bid: &Bid| bid.auction as u64);
    bids.unary_frontier(by_auction, "Windows", |capability, _| {
        let mut windows = Windows::new();
        let mut held: Option<Capability<i64>> = Some(capability);
        move |(input, frontier), output| {
            input.for_each(|_, batch| batch.drain(..).for_each(|bid| windows.add(bid.auction, bid.time)));
            let reached = frontier.frontier().first().copied().unwrap_or(i64::MAX);
            if let Some(capability) = &mut held
                && windows.is_due(reached)
            {
                let mut session = output.session(capability);
                windows.advance(reached, |pane| session.give(pane));
                drop(session);
                capability.downgrade(&reached);
            }
            if frontier.is_empty() {
                held = None;
            }
        }
    })
}
