//! Renoir, with a parallelism of one.
//!
//! A block of operators runs on a thread of its own. What a workload comes to is folded in the block
//! where it arises (`fold_assoc`), so that nothing but the result crosses to another.

use std::sync::{Arc, Mutex, PoisonError};

use ::renoir::Stream;
use ::renoir::operator::{ExchangeData, Operator, StreamElement};
use ::renoir::prelude::*;

use super::Work;
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, records};
use crate::workload::windows::{Bid, Panes, Watermarks, Windows};
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
        let context = context();
        let mut watermarks = Watermarks::new();
        let (mut windows, mut fired) = (Windows::new(), Vec::new());
        let panes = context
            .stream_iter(bids.iter().copied())
            .add_timestamps(|bid| bid.time, move |_, &time| watermarks.after(time))
            .key_by(|bid| bid.auction)
            .rich_map_custom(move |mut elements| {
                loop {
                    if let Some(pane) = fired.pop() {
                        return StreamElement::Item(pane);
                    }
                    match elements.next() {
                        StreamElement::Timestamped((auction, _), time) => windows.add(auction, time),
                        StreamElement::Watermark(time) => windows.advance(time, |pane| fired.push(pane)),
                        StreamElement::FlushAndRestart if windows.is_due(i64::MAX) => {
                            windows.advance(i64::MAX, |pane| fired.push(pane));
                        }
                        StreamElement::FlushAndRestart => return StreamElement::FlushAndRestart,
                        StreamElement::FlushBatch => return StreamElement::FlushBatch,
                        StreamElement::Terminate => return StreamElement::Terminate,
                        StreamElement::Item(_) => unreachable!("every bid has a timestamp"),
                    }
                }
            })
            .fold_assoc(Panes::default(), Panes::enter, Panes::merge);
        the_result(context, panes)
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
