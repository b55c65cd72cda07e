//! The loops that an engineer would write for just this work.

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::{Work, runtime};
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, send_all};
use crate::workload::windows::{BATCH, Bid, DISPLACEMENT, Panes, Windows};
use crate::workload::words::{Lines, Tally, WordCounts, cut};

/// No engine.
pub(super) struct Hand;

impl Work for Hand {
    fn five_operators(&self, numbers: &'static [u64]) -> u64 {
        let mut sum = 0_u64;
        for &x in numbers {
            let x = spread(x);
            if !is_odd(x) {
                continue;
            }
            let x = fold_down(x);
            if !is_kept(x) {
                continue;
            }
            sum = sum.wrapping_add(spread_again(x));
        }
        sum
    }

    fn borrowed_words(&self, lines: Lines) -> WordCounts {
        let mut tally = Tally::default();
        for line in lines {
            cut(line).for_each(|word| tally.add(word));
        }
        tally.answer()
    }

    /// A loop has no edge that a word would have to be owned to cross, so it is the same loop.
    fn owned_words(&self, lines: Lines) -> WordCounts {
        self.borrowed_words(lines)
    }

    fn windowed_count(&self, bids: &'static [Bid]) -> Panes {
        let (mut windows, mut panes) = (Windows::new(), Panes::default());
        let mut greatest = i64::MIN;
        for batch in bids.chunks(BATCH) {
            for bid in batch {
                greatest = greatest.max(bid.time);
                windows.add(bid.auction, bid.time);
            }
            windows.advance(greatest - DISPLACEMENT, |pane| panes.enter(pane));
        }
        windows.advance(i64::MAX, |pane| panes.enter(pane));
        panes
    }

    /// A channel of tokio's, and a task that waits at it.
    fn paced_records(&self, count: usize) -> Arrivals {
        let (sender, mut receiver) = mpsc::channel::<Record>(1_024);
        let tasks = LocalSet::new();
        let worker = tasks.spawn_local(async move {
            let mut arrivals = Arrivals::new(count);
            while let Some(record) = receiver.recv().await {
                arrivals.take(record.map(spread).map(fold_down).map(spread_again));
            }
            arrivals
        });
        tasks.block_on(&runtime(), async move {
            send_all(count, async |record| sender.send(record).await.expect("the worker receives")).await;
            drop(sender);
            worker.await.expect("the worker ends")
        })
    }
}
