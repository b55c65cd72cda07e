//! Hydro's DFIR, `dfir_syntax!`, run tick by tick in this thread.
//!
//! It has neither windows nor event time: the windows are the loop's. Its own keyed folds hash with
//! another hasher into another table, so words are counted in the loop's table, too.

use std::cell::RefCell;
use std::rc::Rc;

use dfir_rs::dfir_syntax;
use tokio::task::LocalSet;

use super::{Work, runtime};
use crate::workload::nexmark::{
    self, Answer, Auction, Entry, HighestBids, HotItems, NewUsers, Part, Person, in_euros, is_selected,
};
use crate::workload::numbers::{fold_down, is_kept, is_odd, spread, spread_again};
use crate::workload::paced::{Arrivals, Record, send_all};
use crate::workload::slices::{Watermarks, Windowed};
use crate::workload::windows::{Bid, Panes, Windows};
use crate::workload::words::{Lines, Tally, WordCounts, cut};

/// Hydro's DFIR.
pub(super) struct Dfir;

impl Work for Dfir {
    fn five_operators(&self, numbers: &'static [u64]) -> u64 {
        let mut answer = 0_u64;
        let sum = &mut answer;
        let mut flow = dfir_syntax! {
            source_iter(numbers.iter().copied())
                -> map(spread) -> filter(|&x| is_odd(x)) -> map(fold_down)
                -> filter(|&x| is_kept(x)) -> map(spread_again)
                -> for_each(|x| *sum = sum.wrapping_add(x));
        };
        flow.run_tick_sync();
        drop(flow);
        answer
    }

    /// A borrowed word may cross an edge here.
    fn borrowed_words(&self, lines: Lines) -> WordCounts {
        let mut tally = Tally::default();
        let words = &mut tally;
        let mut flow = dfir_syntax! {
            source_iter(lines.iter().copied()) -> flat_map(cut) -> for_each(|word| words.add(word));
        };
        flow.run_tick_sync();
        drop(flow);
        tally.answer()
    }

    fn owned_words(&self, lines: Lines) -> WordCounts {
        let mut tally = Tally::default();
        let words = &mut tally;
        let mut flow = dfir_syntax! {
            source_iter(lines.iter().copied())
                -> flat_map(|line| cut(line).map(str::to_owned))
                -> for_each(|word| words.add_owned(word));
        };
        flow.run_tick_sync();
        drop(flow);
        tally.answer()
    }

    fn windowed_count(&self, bids: &'static [Bid]) -> Panes {
        let mut panes = Panes::default();
        windowed(Windows::new(), bids, |pane| panes.enter(pane));
        panes
    }

    /// Its own join, which is symmetric.
    fn keyed_join(&self, persons: &'static [Person], auctions: &'static [Auction]) -> Answer {
        let mut answer = Answer::default();
        let pairs = &mut answer;
        let mut flow = dfir_syntax! {
            source_iter(persons.iter().copied()) -> map(|person| (person.id, person)) -> [0]joined;
            source_iter(auctions.iter().copied()) -> map(|auction| (auction.seller, auction)) -> [1]joined;
            joined = join_multiset() -> for_each(|(_, pair)| pairs.enter_pair(pair));
        };
        flow.run_tick_sync();
        drop(flow);
        answer
    }

    fn in_euros(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        let mut part = Part::of(&mut answer);
        let mut flow = dfir_syntax! {
            source_iter(bids.iter().copied()) -> map(in_euros) -> for_each(|bid| part.enter_bid(bid));
        };
        flow.run_tick_sync();
        drop(flow);
        answer
    }

    fn selection(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        let rows = &mut answer;
        let mut flow = dfir_syntax! {
            source_iter(bids.iter().copied()) -> filter(is_selected) -> for_each(|bid| rows.enter_bid(bid));
        };
        flow.run_tick_sync();
        drop(flow);
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

    /// A channel of DFIR's own, for one thread, and a task that runs the flow whenever it is woken.
    fn paced_records(&self, count: usize) -> Arrivals {
        let (sender, receiver) = dfir_rs::util::unsync_channel::<Record>(None);
        let arrivals = Rc::new(RefCell::new(Arrivals::new(count)));
        let arrived = Rc::clone(&arrivals);
        let mut flow = dfir_syntax! {
            source_stream(receiver)
                -> map(|record: Record| record.map(spread)) -> map(|record| record.map(fold_down))
                -> map(|record| record.map(spread_again))
                -> for_each(|record| arrived.borrow_mut().take(record));
        };
        let tasks = LocalSet::new();
        tasks.spawn_local(async move { flow.run().await });
        tasks.block_on(
            &runtime(),
            send_all(count, async |record| {
                sender.send(record).await.expect("the flow receives");
            }),
        );
        // A flow never ends by itself.
        drop(tasks);
        Rc::unwrap_or_clone(arrivals).into_inner()
    }
}

/// Windows by hand; the end of the input stands in the stream, as `None`.
fn windowed<W: Windowed + 'static>(mut windows: W, rows: &'static [W::Row], mut fire: impl FnMut(W::Out)) {
    let mut watermarks = Watermarks::new();
    let mut flow = dfir_syntax! {
        source_iter(rows.iter().map(Some).chain([None]))
            -> flat_map(|row| {
                let watermark = match row {
                    Some(row) => {
                        windows.add(*row);
                        watermarks.after(W::time(row))
                    }
                    None => Some(i64::MAX),
                };
                let mut fired = Vec::new();
                if let Some(watermark) = watermark {
                    windows.advance(watermark, |row| fired.push(row));
                }
                fired
            })
            -> for_each(&mut fire);
    };
    flow.run_tick_sync();
}
