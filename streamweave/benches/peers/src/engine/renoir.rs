//! Renoir, with a parallelism of one.
//!
//! A block of operators runs on a thread of its own. What a workload comes to is folded in the block
//! where it arises (`fold_assoc`), so that nothing but the result crosses to another.

use std::sync::{Arc, Mutex, PoisonError};

use ::renoir::Stream;
use ::renoir::operator::{DataKey, ExchangeData, Operator, StreamElement};
use ::renoir::prelude::*;

use super::Work;
use crate::workload::nexmark::{
    self, Answer, Auction, Entry, HighestBids, HotItems, NewUsers, Person, in_euros, is_selected,
};
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, records};
use crate::workload::slices::{Watermarks, Windowed};
use crate::workload::windows::{Bid, Panes, Windows};
use crate::workload::words::{Lines, Tally, WordCounts, cut};

/// Renoir.
pub(super) struct Renoir;

impl Work for Renoir {
    fn five_operators(&self, numbers: &'static [u64]) -> u64 {
        let context = context();
        let kept = context
            .stream_iter(numbers.iter().copied())
            .map(spread)
            .filter(|&x| is_odd(x))
            .map(fold_down)
            .filter(|&x| is_kept(x))
            .map(spread_again);
        let add = |sum: &mut u64, x: u64| *sum = sum.wrapping_add(x);
        the_result(context, kept.fold_assoc(0, add, add))
    }

    fn borrowed_words(&self, lines: Lines) -> WordCounts {
        let context = context();
        let tally = context.stream_iter(lines.iter().copied()).fold_assoc(
            Tally::default(),
            |tally, line| cut(line).for_each(|word| tally.add(word)),
            Tally::merge,
        );
        the_result(context, tally).answer()
    }

    fn owned_words(&self, lines: Lines) -> WordCounts {
        let context = context();
        let tally = context
            .stream_iter(lines.iter().copied())
            .flat_map(|line| cut(line).map(str::to_owned))
            .fold_assoc(Tally::default(), Tally::add_owned, Tally::merge);
        the_result(context, tally).answer()
    }

    /// The windows are the loop's, behind Renoir's own timestamps and watermarks. Its own event-time
    /// window begins a key's first window at the time of whichever row comes first, not at a multiple
    /// of ten seconds, and drops rows of an earlier time without a word: on rows out of order it
    /// gives another answer.
    fn windowed_count(&self, bids: &'static [Bid]) -> Panes {
        windowed(Windows::new(), bids, |bid| bid.auction, Panes::enter, Panes::merge)
    }

    /// Its own join, which needs the rows of each side keyed.
    fn keyed_join(&self, persons: &'static [Person], auctions: &'static [Auction]) -> Answer {
        let context = context();
        let auctions = context.stream_iter(auctions.iter().copied());
        let pairs = context
            .stream_iter(persons.iter().copied())
            .join(auctions, |person| person.id, |auction| auction.seller)
            .drop_key()
            .fold_assoc(Answer::default(), Answer::enter_pair, Answer::merge);
        the_result(context, pairs)
    }

    fn in_euros(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let context = context();
        let rows = context.stream_iter(bids.iter().copied()).map(in_euros);
        the_result(context, rows.fold_assoc(Answer::default(), Answer::enter_bid, Answer::merge))
    }

    fn selection(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let context = context();
        let rows = context.stream_iter(bids.iter().copied()).filter(is_selected);
        the_result(context, rows.fold_assoc(Answer::default(), Answer::enter_bid, Answer::merge))
    }

    fn hot_items(&self, bids: &'static [nexmark::Bid]) -> Answer {
        windowed(HotItems::new(), bids, |bid| bid.auction, Answer::enter_hot, Answer::merge)
    }

    fn highest_bids(&self, bids: &'static [nexmark::Bid]) -> Answer {
        windowed(HighestBids::new(), bids, |bid| bid.auction, Answer::enter_bid, Answer::merge)
    }

    fn new_users(&self, entries: &'static [Entry]) -> Answer {
        windowed(NewUsers::new(), entries, Entry::person, Answer::enter_user, Answer::merge)
    }

    /// The thread that watches the clock sends into Renoir's own channel source.
    fn paced_records(&self, count: usize) -> Arrivals {
        let context = context();
        let (sender, source) = ChannelSource::new(1_024, Replication::One);
        let arrivals = Arc::new(Mutex::new(Arrivals::new(count)));
        let arrived = Arc::clone(&arrivals);
        context
            .stream(source)
            .map(|record| Record::map(record, spread))
            .map(|record| record.map(fold_down))
            .map(|record| record.map(spread_again))
            .for_each(move |record| arrived.lock().unwrap_or_else(PoisonError::into_inner).take(record));
        std::thread::scope(|threads| {
            threads.spawn(move || {
                records(count).for_each(|record| sender.send(record).expect("the stream receives"));
            });
            context.execute_blocking();
        });
        let arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.clone()
    }
}

fn context() -> StreamContext {
    StreamContext::new(RuntimeConfig::local(1).expect("one worker in this process"))
}

/// Runs a stream that gives one row.
fn the_result<A: ExchangeData>(context: StreamContext, rows: Stream<impl Operator<Out = A> + 'static>) -> A {
    let rows = rows.collect_vec();
    context.execute_blocking();
    rows.get().and_then(|mut rows| rows.pop()).expect("a fold gives one row")
}

/// Windows by hand, behind Renoir's own timestamps and watermarks.
fn windowed<W, K, A>(
    mut windows: W,
    rows: &'static [W::Row],
    key: impl Fn(&W::Row) -> K + Clone + Send + 'static,
    enter: impl Fn(&mut A, W::Out) + Clone + Send + 'static,
    merge: impl Fn(&mut A, A) + Clone + Send + 'static,
) -> A
where
    W: Windowed<Row: ExchangeData + Sync, Out: ExchangeData> + Clone + Send + 'static,
    K: DataKey,
    A: ExchangeData + Default,
{
    let context = context();
    let (mut watermarks, mut fired) = (Watermarks::new(), Vec::new());
    let answer = context
        .stream_iter(rows.iter().copied())
        .add_timestamps(|row| W::time(row), move |_, &time| watermarks.after(time))
        .key_by(key)
        .rich_map_custom(move |mut elements| {
            loop {
                if let Some(row) = fired.pop() {
                    return StreamElement::Item(row);
                }
                match elements.next() {
                    StreamElement::Timestamped((_, row), _) => windows.add(row),
                    StreamElement::Watermark(time) => windows.advance(time, |row| fired.push(row)),
                    StreamElement::FlushAndRestart if windows.is_due(i64::MAX) => {
                        windows.advance(i64::MAX, |row| fired.push(row));
                    }
                    StreamElement::FlushAndRestart => return StreamElement::FlushAndRestart,
                    StreamElement::FlushBatch => return StreamElement::FlushBatch,
                    StreamElement::Terminate => return StreamElement::Terminate,
                    StreamElement::Item(_) => unreachable!("every row has a timestamp"),
                }
            }
        })
        .fold_assoc(A::default(), enter, merge);
    the_result(context, answer)
}
