//! timely dataflow, on one worker in this thread.
//!
//! Input goes in by containers of the size that timely itself prefers. Operators that keep the type
//! of their rows work in place. What is keyed is exchanged by key, which on one worker costs nothing.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::rc::Rc;

use foldhash::fast::FixedState;
use timely::ExchangeData;
use timely::container::CapacityContainerBuilder;
use timely::container::buffer::default_capacity;
use timely::dataflow::channels::pact::{Exchange, ParallelizationContract, Pipeline};
use timely::dataflow::operators::vec::{Filter, Map};
use timely::dataflow::operators::{Capability, Operator};
use timely::dataflow::{InputHandle, StreamVec};
use timely::progress::Timestamp;
use timely::worker::Worker;

use super::Work;
use crate::workload::nexmark::{
    self, Answer, Auction, Entry, HighestBids, HotItems, Join, NewUsers, Person, in_euros, in_step,
    is_selected,
};
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, records};
use crate::workload::slices::Windowed;
use crate::workload::windows::{BATCH, Bid, DISPLACEMENT, Panes, Windows};
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

    fn windowed_count(&self, bids: &'static [Bid]) -> Panes {
        windowed(Windows::new(), bids, |bid| bid.auction as u64, Panes::default(), Panes::enter)
    }

    /// timely has no join: this is the loop's, in an operator with two inputs.
    fn keyed_join(&self, persons: &'static [Person], auctions: &'static [Auction]) -> Answer {
        execute(Answer::default(), move |worker, answer| {
            let (mut left, mut right) = (InputHandle::<(), _>::new(), InputHandle::<(), _>::new());
            worker.dataflow(|scope| {
                let pairs = joined(left.to_stream(scope), right.to_stream(scope));
                for_each(pairs, answer, Answer::enter_pair);
            });
            let (mut some_persons, mut some_auctions) = (Vec::new(), Vec::new());
            for (persons, auctions) in in_step(persons, auctions) {
                some_persons.extend_from_slice(persons);
                some_auctions.extend_from_slice(auctions);
                left.send_batch(&mut some_persons);
                right.send_batch(&mut some_auctions);
                worker.step();
            }
        })
    }

    fn in_euros(&self, bids: &'static [nexmark::Bid]) -> Answer {
        execute(Answer::default(), move |worker, answer| {
            let mut input = InputHandle::<(), _>::new();
            worker.dataflow(|scope| {
                let rows =
                    input.to_stream(scope).map_in_place(|bid: &mut nexmark::Bid| *bid = in_euros(*bid));
                for_each(rows, answer, Answer::enter_bid);
            });
            feed(worker, &mut input, bids);
        })
    }

    fn selection(&self, bids: &'static [nexmark::Bid]) -> Answer {
        execute(Answer::default(), move |worker, answer| {
            let mut input = InputHandle::<(), _>::new();
            worker.dataflow(|scope| {
                for_each(input.to_stream(scope).filter(is_selected), answer, Answer::enter_bid)
            });
            feed(worker, &mut input, bids);
        })
    }

    fn hot_items(&self, bids: &'static [nexmark::Bid]) -> Answer {
        windowed(HotItems::new(), bids, |bid| bid.auction, Answer::default(), Answer::enter_hot)
    }

    fn highest_bids(&self, bids: &'static [nexmark::Bid]) -> Answer {
        windowed(HighestBids::new(), bids, |bid| bid.auction, Answer::default(), Answer::enter_bid)
    }

    fn new_users(&self, entries: &'static [Entry]) -> Answer {
        windowed(NewUsers::new(), entries, Entry::person, Answer::default(), Answer::enter_user)
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

/// Windows over rows. Timely's time is the watermark; a row's own time is data. timely has no windows, so these are
/// the loop's, behind its frontier.
fn windowed<W, A>(
    windows: W,
    rows: &'static [W::Row],
    key: impl Fn(&W::Row) -> u64 + Send + Sync + 'static,
    empty: A,
    enter: impl Fn(&mut A, W::Out) + Send + Sync + 'static,
) -> A
where
    W: Windowed<Row: ExchangeData + Sync, Out: 'static> + Send + Sync + 'static,
    A: Send + Sync + Clone + 'static,
{
    execute(empty, move |worker, answer| {
        let mut input = InputHandle::<i64, _>::new();
        worker.dataflow(|scope| for_each(fired(input.to_stream(scope), windows, key), answer, enter));
        let mut greatest = i64::MIN;
        let mut buffer = Vec::with_capacity(BATCH);
        for batch in rows.chunks(BATCH) {
            greatest = batch.iter().fold(greatest, |greatest, row| greatest.max(W::time(row)));
            buffer.extend_from_slice(batch);
            input.send_batch(&mut buffer);
            input.advance_to(greatest - DISPLACEMENT);
            worker.step();
        }
    })
}

/// Puts rows into windows; fires behind the frontier.
fn fired<'scope, W>(
    rows: StreamVec<'scope, i64, W::Row>,
    mut windows: W,
    key: impl Fn(&W::Row) -> u64 + 'static,
) -> StreamVec<'scope, i64, W::Out>
where
    W: Windowed<Row: ExchangeData, Out: 'static> + 'static,
{
    rows.unary_frontier(Exchange::new(key), "Windows", |capability, _| {
        let mut held: Option<Capability<i64>> = Some(capability);
        move |(input, frontier), output| {
            input.for_each(|_, batch| batch.drain(..).for_each(|row| windows.add(row)));
            let reached = frontier.frontier().first().copied().unwrap_or(i64::MAX);
            if let Some(capability) = &mut held
                && windows.is_due(reached)
            {
                let mut session = output.session(capability);
                windows.advance(reached, |row| session.give(row));
                drop(session);
                capability.downgrade(&reached);
            }
            if frontier.is_empty() {
                held = None;
            }
        }
    })
}

/// Joins persons and auctions, both exchanged by person.
fn joined<'scope>(
    persons: StreamVec<'scope, (), Person>,
    auctions: StreamVec<'scope, (), Auction>,
) -> StreamVec<'scope, (), (Person, Auction)> {
    let by_id = Exchange::new(|person: &Person| person.id);
    let by_seller = Exchange::new(|auction: &Auction| auction.seller);
    persons.binary(auctions, by_id, by_seller, "Join", |_, _| {
        let mut join = Join::default();
        move |persons, auctions, output| {
            persons.for_each(|time, batch| {
                let mut session = output.session(&time);
                batch.drain(..).for_each(|person| join.person(person, |pair| session.give(pair)));
            });
            auctions.for_each(|time, batch| {
                let mut session = output.session(&time);
                batch.drain(..).for_each(|auction| join.auction(auction, |pair| session.give(pair)));
            });
        }
    })
}
