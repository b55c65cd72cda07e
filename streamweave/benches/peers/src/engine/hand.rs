//! The loops that an engineer would write for just this work.

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::{Work, runtime};
use crate::workload::nexmark::{
    self, Answer, Auction, Entry, HighestBids, HotItems, Join, NewUsers, Person, in_euros, in_step,
    is_selected,
};
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, send_all};
use crate::workload::slices::Windowed;
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
        let mut panes = Panes::default();
        windowed(Windows::new(), bids, |pane| panes.enter(pane));
        panes
    }

    fn keyed_join(&self, persons: &'static [Person], auctions: &'static [Auction]) -> Answer {
        let (mut join, mut answer) = (Join::default(), Answer::default());
        for (persons, auctions) in in_step(persons, auctions) {
            persons.iter().for_each(|&person| join.person(person, |pair| answer.enter_pair(pair)));
            auctions.iter().for_each(|&auction| join.auction(auction, |pair| answer.enter_pair(pair)));
        }
        answer
    }

    fn in_euros(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        bids.iter().for_each(|&bid| answer.enter_bid(in_euros(bid)));
        answer
    }

    fn selection(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        bids.iter().filter(|bid| is_selected(bid)).for_each(|&bid| answer.enter_bid(bid));
        answer
    }

    fn hot_items(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        windowed(HotItems::new(), bids, |hot| answer.enter_hot(hot));
        answer
    }

    fn highest_bids(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        windowed(HighestBids::new(), bids, |bid| answer.enter_bid(bid));
        answer
    }

    fn new_users(&self, entries: &'static [Entry]) -> Answer {
        let mut answer = Answer::default();
        windowed(NewUsers::new(), entries, |user| answer.enter_user(user));
        answer
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

/// Windows over rows, with a watermark after so many.
#[inline(always)]
fn windowed<W: Windowed>(mut windows: W, rows: &[W::Row], mut fire: impl FnMut(W::Out)) {
    let mut greatest = i64::MIN;
    for batch in rows.chunks(BATCH) {
        for row in batch {
            greatest = greatest.max(W::time(row));
            windows.add(*row);
        }
        windows.advance(greatest - DISPLACEMENT, &mut fire);
    }
    windows.advance(i64::MAX, &mut fire);
}
