//! StreamWeave.

use std::cell::RefCell;
use std::rc::Rc;

use ::streamweave::prelude::*;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::{Work, runtime};
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, send_all};
use crate::workload::windows::{self, Bid, Panes};
use crate::workload::words::{Lines, WordCounts, cut};

/// StreamWeave.
pub(super) struct StreamWeave;

impl Work for StreamWeave {
    fn five_operators(&self, numbers: &'static [u64]) -> u64 {
        let mut sum = 0_u64;
        to_its_end(
            graph! {
                numbers = from_iter(numbers.iter().copied());
                numbers -> map(spread) -> filter(|&x| is_odd(x)) -> map(fold_down)
                    -> filter(|&x| is_kept(x)) -> map(spread_again)
                    -> for_each(|x| sum = sum.wrapping_add(x));
            }
            .run(),
        );
        sum
    }

    fn borrowed_words(&self, lines: Lines) -> WordCounts {
        let mut answer = WordCounts::default();
        to_its_end(
            graph! {
                lines = from_iter(lines.iter().copied());
                lines -> flat_map_ref(TextTally::new(), |line, words| {
                    cut(line).for_each(|word| words.add(word));
                }) -> for_each(|(word, count)| answer.enter(&word, count));
            }
            .run(),
        );
        answer
    }

    fn owned_words(&self, lines: Lines) -> WordCounts {
        let mut answer = WordCounts::default();
        to_its_end(
            graph! {
                lines = from_iter(lines.iter().copied());
                lines -> flat_map(|line| cut(line).map(str::to_owned))
                    -> flat_map_ref(TextTally::new(), |word: &String, words| words.add(word.as_str()))
                    -> for_each(|(word, count)| answer.enter(&word, count));
            }
            .run(),
        );
        answer
    }

    fn windowed_count(&self, bids: &'static [Bid]) -> Panes {
        let mut panes = Panes::default();
        to_its_end(
            graph! {
                bids   = from_iter(bids.iter().copied());
                counts = tumbling(10.secs()).aggregate(Count::new);
                bids -> event_time(|bid| EventTime::from_micros(bid.time), bounded(5.secs()))
                    -> key_by(|bid| bid.auction) -> counts
                    -> for_each(|count| panes.enter(pane(count)));
                counts.late -> for_each(|late| panic!("no bid is late, but one at {}", late.time));
            }
            .run(),
        );
        panes
    }

    fn paced_records(&self, count: usize) -> Arrivals {
        let (sender, receiver) = mpsc::channel::<Record>(1_024);
        let arrivals = Rc::new(RefCell::new(Arrivals::new(count)));
        let arrived = Rc::clone(&arrivals);
        let tasks = LocalSet::new();
        let worker = tasks.spawn_local(
            graph! {
                records = from_channel(receiver);
                records -> map(|record| record.map(spread)) -> map(|record| record.map(fold_down))
                    -> map(|record| record.map(spread_again))
                    -> for_each(move |record| arrived.borrow_mut().take(record));
            }
            .run(),
        );
        tasks.block_on(&runtime(), async move {
            send_all(count, async |record| sender.send(record).await.expect("the graph receives")).await;
            drop(sender);
            worker.await.expect("the graph does not panic").expect("the graph runs to its end");
        });
        Rc::unwrap_or_clone(arrivals).into_inner()
    }
}

fn to_its_end<R>(run: impl Future<Output = Result<R, ::streamweave::Error>>) {
    runtime().block_on(run).expect("the graph runs to its end");
}

fn pane(count: Keyed<usize, Pane<u64>>) -> windows::Pane {
    let Keyed { key: auction, value: Pane { window, value: bids, .. } } = count;
    windows::Pane { start: window.start.micros(), auction, bids }
}
