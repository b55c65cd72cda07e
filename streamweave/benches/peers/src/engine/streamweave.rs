//! StreamWeave.

use std::cell::RefCell;
use std::rc::Rc;

use ::streamweave::operator::window::Tumbling;
use ::streamweave::prelude::*;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::{Work, runtime};
use crate::workload::nexmark::{
    self, Answer, Auction, Entry, Highest, Hot, NewUser, Part, Person, in_euros, is_selected,
};
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

    fn keyed_join(&self, persons: &'static [Person], auctions: &'static [Auction]) -> Answer {
        let mut answer = Answer::default();
        to_its_end(
            graph! {
                persons  = from_iter(persons.iter().copied());
                auctions = from_iter(auctions.iter().copied());
                pairs    = join();
                persons -> key_by(|person| person.id) -> pairs.left;
                auctions -> key_by(|auction| auction.seller) -> pairs.right;
                pairs -> for_each(|pair| answer.enter_pair(pair.value));
            }
            .run(),
        );
        answer
    }

    fn in_euros(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        let mut part = Part::of(&mut answer);
        to_its_end(
            graph! {
                bids = from_iter(bids.iter().copied());
                bids -> map(in_euros) -> for_each(move |bid| part.enter_bid(bid));
            }
            .run(),
        );
        answer
    }

    fn selection(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        to_its_end(
            graph! {
                bids = from_iter(bids.iter().copied());
                bids -> filter(is_selected) -> for_each(|bid| answer.enter_bid(bid));
            }
            .run(),
        );
        answer
    }

    /// The counts of a window all come at its last moment, and one window ends every two seconds: so those of one
    /// window are what two seconds bring.
    fn hot_items(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        to_its_end(
            graph! {
                bids    = from_iter(bids.iter().copied());
                counts  = sliding(10.secs(), 2.secs()).aggregate(Count::new);
                hottest = tumbling(2.secs()).aggregate(Hottest::default);
                bids -> event_time(|bid| EventTime::from_micros(bid.time), bounded(5.secs()))
                    -> key_by(|bid| bid.auction) -> counts
                    -> map(|count| Keyed { key: (), value: Hot { auction: count.key, bids: count.value.value } })
                    -> hottest -> flat_map(|pane| pane.value.value) -> for_each(|hot| answer.enter_hot(hot));
                counts.late -> for_each(|late| panic!("no bid is late, but one at {}", late.time));
                hottest.late -> discard;
            }
            .run(),
        );
        answer
    }

    fn highest_bids(&self, bids: &'static [nexmark::Bid]) -> Answer {
        let mut answer = Answer::default();
        to_its_end(
            graph! {
                bids    = from_iter(bids.iter().copied());
                highest = tumbling(10.secs()).aggregate(Highest::default);
                bids -> event_time(|bid| EventTime::from_micros(bid.time), bounded(5.secs()))
                    -> key_by(|_| ()) -> highest -> flat_map(|pane| pane.value.value)
                    -> for_each(|bid| answer.enter_bid(bid));
                highest.late -> for_each(|late| panic!("no bid is late, but one at {}", late.time));
            }
            .run(),
        );
        answer
    }

    /// An id is given to one person only, so that persons are not grouped first.
    fn new_users(&self, entries: &'static [Entry]) -> Answer {
        let mut answer = Answer::default();
        to_its_end(
            graph! {
                entries = from_iter(entries.iter().copied());
                table   = partition(|entry| matches!(entry, Entry::Person(_)));
                new     = window_join(Tumbling::new(10.secs())).semi();
                entries -> event_time(|entry| EventTime::from_micros(entry.time()), bounded(5.secs())) -> table;
                table.matching -> map(|entry| Keyed { key: entry.person(), value: () }) -> new.left;
                table.rest -> map(|entry| Keyed { key: entry.person(), value: () }) -> new.right;
                new -> map(|new| NewUser { id: new.key, start: new.value.window.start.micros() })
                    -> for_each(|user| answer.enter_user(user));
            }
            .run(),
        );
        answer
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

/// The auctions with the most bids so far.
#[derive(Clone, Default)]
struct Hottest(Vec<Hot>);

impl Aggregate<Hot> for Hottest {
    type Output = Vec<Hot>;

    fn add(&mut self, hot: Hot) {
        let most = self.0.first().map_or(0, |hot| hot.bids);
        if hot.bids > most {
            self.0.clear();
        }
        if hot.bids >= most {
            self.0.push(hot);
        }
    }

    fn output(&self) -> Vec<Hot> {
        self.0.clone()
    }
}

impl Aggregate<nexmark::Bid> for Highest {
    type Output = Vec<nexmark::Bid>;

    #[inline(always)]
    fn add(&mut self, bid: nexmark::Bid) {
        Highest::add(self, bid);
    }

    fn output(&self) -> Vec<nexmark::Bid> {
        self.bids().to_vec()
    }
}

fn to_its_end<R>(run: impl Future<Output = Result<R, ::streamweave::Error>>) {
    runtime().block_on(run).expect("the graph runs to its end");
}

fn pane(count: Keyed<usize, Pane<u64>>) -> windows::Pane {
    let Keyed { key: auction, value: Pane { window, value: bids, .. } } = count;
    windows::Pane { start: window.start.micros(), auction, bids }
}
