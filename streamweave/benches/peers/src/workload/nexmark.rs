//! Nexmark's queries 1, 2, 5, 7 and 8, and W4, the join of its persons and auctions.
//!
//! Rows have the columns that a query reads, without texts. Bids, and for query 8 persons and auctions, come out of
//! order as those of [`windows`](super::windows) do, with the same watermarks. Query 7 gives the bids of a window
//! that are at its highest price, without the SQL's look at the first millisecond of the next one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use foldhash::fast::FixedState;
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Event, EventType};
use serde::{Deserialize, Serialize};

use super::Random;
use super::slices::{Slices, Windowed};
use super::windows::{DISPLACEMENT, LENGTH};

/// How often a window of query 5 ends, in microseconds.
pub(crate) const SLIDE: i64 = 2_000_000;

/// A bid. Times are microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bid {
    pub(crate) auction: u64,
    pub(crate) bidder: u64,
    pub(crate) price: u64,
    pub(crate) time: i64,
}

/// A person.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) time: i64,
}

/// An auction.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Auction {
    pub(crate) id: u64,
    pub(crate) seller: u64,
    pub(crate) time: i64,
}

/// A person or an auction: what query 8 reads.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// A person who came.
    Person(Person),
    /// An auction that began.
    Auction(Auction),
}

impl Entry {
    /// When it happened.
    #[inline(always)]
    pub(crate) fn time(&self) -> i64 {
        match self {
            Entry::Person(person) => person.time,
            Entry::Auction(auction) => auction.time,
        }
    }

    /// Whom it is about.
    #[inline(always)]
    pub(crate) fn person(&self) -> u64 {
        match self {
            Entry::Person(person) => person.id,
            Entry::Auction(auction) => auction.seller,
        }
    }
}

fn generator(kind: EventType) -> EventGenerator {
    let config = NexmarkConfig { base_time: 1_436_918_400_000, ..NexmarkConfig::default() };
    EventGenerator::new(config).with_type_filter(kind)
}

fn micros(millis: u64) -> i64 {
    millis as i64 * 1_000
}

/// Rows in the order in which they arrive, each late by up to [`DISPLACEMENT`].
fn arrivals<D: Copy>(rows: impl Iterator<Item = D>, time: impl Fn(&D) -> i64) -> &'static [D] {
    let mut random = Random::new();
    let mut rows: Vec<(i64, D)> =
        rows.map(|row| (time(&row) + random.below(DISPLACEMENT as u64) as i64, row)).collect();
    rows.sort_by_key(|(arrival, _)| *arrival);
    Vec::leak(rows.into_iter().map(|(_, row)| row).collect())
}

/// The first `count` bids, out of order.
pub(crate) fn bids(count: usize) -> &'static [Bid] {
    let bids = generator(EventType::Bid).filter_map(|event| match event {
        Event::Bid(bid) => Some(Bid {
            auction: bid.auction as u64,
            bidder: bid.bidder as u64,
            price: bid.price as u64,
            time: micros(bid.date_time),
        }),
        _ => None,
    });
    arrivals(bids.take(count), |bid| bid.time)
}

/// `count` persons and auctions, or up to three more, one to three, in the order in which they happen.
pub(crate) fn persons_and_auctions(count: usize) -> (&'static [Person], &'static [Auction]) {
    let persons = generator(EventType::Person).filter_map(|event| match event {
        Event::Person(person) => Some(Person { id: person.id as u64, time: micros(person.date_time) }),
        _ => None,
    });
    let auctions = generator(EventType::Auction).filter_map(|event| match event {
        Event::Auction(auction) => Some(Auction {
            id: auction.id as u64,
            seller: auction.seller as u64,
            time: micros(auction.date_time),
        }),
        _ => None,
    });
    let persons: Vec<Person> = persons.take(count.div_ceil(4)).collect();
    let auctions: Vec<Auction> = auctions.take(3 * persons.len()).collect();
    (Vec::leak(persons), Vec::leak(auctions))
}

/// Persons and auctions by turns, as they happen: a chunk of each, three auctions to a person.
pub(crate) fn in_step<'a>(
    persons: &'a [Person],
    auctions: &'a [Auction],
) -> impl Iterator<Item = (&'a [Person], &'a [Auction])> {
    persons.chunks(256).zip(auctions.chunks(768))
}

/// `count` persons and auctions, one to three, out of order.
pub(crate) fn entries(count: usize) -> &'static [Entry] {
    let (persons, auctions) = persons_and_auctions(count);
    let persons = persons.iter().copied().map(Entry::Person);
    arrivals(persons.chain(auctions.iter().copied().map(Entry::Auction)), Entry::time)
}

/// Query 1: the price in thousandths of a euro.
#[inline(always)]
pub(crate) fn in_euros(bid: Bid) -> Bid {
    Bid { price: bid.price * 908, ..bid }
}

/// Query 2: whether it is kept.
#[inline(always)]
pub(crate) fn is_selected(bid: &Bid) -> bool {
    bid.auction % 123 == 0
}

/// An auction, and how many bids it had in a window of query 5.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Hot {
    pub(crate) auction: u64,
    pub(crate) bids: u64,
}

/// A person of query 8, and the window.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct NewUser {
    pub(crate) id: u64,
    pub(crate) start: i64,
}

/// An answer: how many rows, and a sum over all of them that does not depend on their order.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    rows: u64,
    sum: u64,
}

impl Answer {
    /// Enters a row, by its columns.
    #[inline(always)]
    fn enter<const N: usize>(&mut self, columns: [u64; N]) {
        let mixed =
            |sum: u64, column: u64| (sum.rotate_left(23) ^ column).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(columns.into_iter().fold(0, mixed));
    }

    /// Enters a row of query 1, 2 or 7.
    #[inline(always)]
    pub(crate) fn enter_bid(&mut self, bid: Bid) {
        self.enter([bid.auction, bid.bidder, bid.price, bid.time as u64]);
    }

    /// Enters a row of query 5.
    #[inline(always)]
    pub(crate) fn enter_hot(&mut self, hot: Hot) {
        self.enter([hot.auction, hot.bids]);
    }

    /// Enters a row of query 8.
    #[inline(always)]
    pub(crate) fn enter_user(&mut self, user: NewUser) {
        self.enter([user.id, user.start as u64]);
    }

    /// Enters a row of W4.
    #[inline(always)]
    pub(crate) fn enter_pair(&mut self, (person, auction): (Person, Auction)) {
        self.enter([person.id, person.time as u64, auction.id, auction.time as u64]);
    }

    /// Enters what is in another answer.
    pub(crate) fn merge(&mut self, other: Answer) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// An answer of a sink's own, which goes into another when the sink is dropped. What a closure borrows is read from memory
/// and written back for each row; what it owns can stay in registers.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    whole: &'a mut Answer,
    part: Answer,
}

impl<'a> Part<'a> {
    /// Nothing yet.
    pub(crate) fn of(whole: &'a mut Answer) -> Self {
        Part { whole, part: Answer::default() }
    }

    /// Enters a row of query 1, 2 or 7.
    #[inline(always)]
    pub(crate) fn enter_bid(&mut self, bid: Bid) {
        self.part.enter_bid(bid);
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.whole.merge(self.part);
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, sum {:016x}", self.rows, self.sum)
    }
}

type Map<V> = HashMap<u64, V, FixedState>;
type Set = HashSet<u64, FixedState>;

/// Query 5 by hand: counts of two seconds each, put into those of the last ten when they are complete, and taken out
/// again when they are over.
#[derive(Clone, Debug)]
pub(crate) struct HotItems {
    slices: Slices<Map<u64>, SLIDE>,
    /// The slices of the window that ended last, and where it ended.
    recent: VecDeque<(i64, Map<u64>)>,
    end: i64,
    totals: Map<u64>,
}

impl HotItems {
    /// No windows yet.
    pub(crate) fn new() -> Self {
        HotItems { slices: Slices::new(), recent: VecDeque::new(), end: 0, totals: Map::default() }
    }

    /// Where the window ends that fires next.
    fn next_end(&self) -> Option<i64> {
        if self.recent.is_empty() {
            self.slices.first().map(|start| start + SLIDE)
        } else {
            Some(self.end + SLIDE)
        }
    }

    fn leave(&mut self, start: i64) {
        while let Some((_, mut over)) = self.recent.pop_front_if(|(slice, _)| *slice < start) {
            for (auction, bids) in over.drain() {
                let total = self.totals.get_mut(&auction).expect("it is in the totals");
                *total -= bids;
                if *total == 0 {
                    self.totals.remove(&auction);
                }
            }
            self.slices.recycle(over);
        }
    }

    fn enter(&mut self, end: i64) {
        if let Some((start, slice)) = self.slices.next(end) {
            for (&auction, bids) in &slice {
                *self.totals.entry(auction).or_insert(0) += bids;
            }
            self.recent.push_back((start, slice));
        }
    }
}

impl Windowed for HotItems {
    type Row = Bid;
    type Out = Hot;

    #[inline(always)]
    fn time(row: &Bid) -> i64 {
        row.time
    }

    #[inline(always)]
    fn add(&mut self, bid: Bid) {
        *self.slices.at(bid.time).entry(bid.auction).or_insert(0) += 1;
    }

    fn is_due(&self, frontier: i64) -> bool {
        self.next_end().is_some_and(|end| end <= frontier)
    }

    fn advance(&mut self, frontier: i64, mut fire: impl FnMut(Hot)) {
        while let Some(end) = self.next_end().filter(|end| *end <= frontier) {
            self.end = end;
            self.leave(end - LENGTH);
            self.enter(end);
            let most = self.totals.values().copied().max().unwrap_or(0);
            let hottest = self.totals.iter().filter(|(_, bids)| **bids == most);
            hottest.for_each(|(&auction, &bids)| fire(Hot { auction, bids }));
        }
    }
}

/// The bids at the highest price so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Highest(Vec<Bid>);

impl Highest {
    /// Takes a bid in.
    #[inline(always)]
    pub(crate) fn add(&mut self, bid: Bid) {
        let price = self.0.first().map_or(0, |bid| bid.price);
        if bid.price < price {
            return;
        }
        if bid.price > price {
            self.0.clear();
        }
        self.0.push(bid);
    }

    /// The bids.
    pub(crate) fn bids(&self) -> &[Bid] {
        &self.0
    }
}

/// Query 7 by hand.
#[derive(Clone, Debug)]
pub(crate) struct HighestBids(Slices<Highest, LENGTH>);

impl HighestBids {
    /// No windows yet.
    pub(crate) fn new() -> Self {
        HighestBids(Slices::new())
    }
}

impl Windowed for HighestBids {
    type Row = Bid;
    type Out = Bid;

    #[inline(always)]
    fn time(row: &Bid) -> i64 {
        row.time
    }

    #[inline(always)]
    fn add(&mut self, bid: Bid) {
        self.0.at(bid.time).add(bid);
    }

    fn is_due(&self, frontier: i64) -> bool {
        self.0.is_due(frontier)
    }

    fn advance(&mut self, frontier: i64, mut fire: impl FnMut(Bid)) {
        while let Some((_, mut highest)) = self.0.next(frontier) {
            highest.0.drain(..).for_each(&mut fire);
            self.0.recycle(highest);
        }
    }
}

/// Query 8 by hand: who came, and who sold, in each window.
#[derive(Clone, Debug)]
pub(crate) struct NewUsers(Slices<(Set, Set), LENGTH>);

impl NewUsers {
    /// No windows yet.
    pub(crate) fn new() -> Self {
        NewUsers(Slices::new())
    }
}

impl Windowed for NewUsers {
    type Row = Entry;
    type Out = NewUser;

    #[inline(always)]
    fn time(row: &Entry) -> i64 {
        row.time()
    }

    #[inline(always)]
    fn add(&mut self, entry: Entry) {
        let (persons, sellers) = self.0.at(entry.time());
        match entry {
            Entry::Person(person) => persons.insert(person.id),
            Entry::Auction(auction) => sellers.insert(auction.seller),
        };
    }

    fn is_due(&self, frontier: i64) -> bool {
        self.0.is_due(frontier)
    }

    fn advance(&mut self, frontier: i64, mut fire: impl FnMut(NewUser)) {
        while let Some((start, (mut persons, mut sellers))) = self.0.next(frontier) {
            let new = persons.drain().filter(|id| sellers.contains(id));
            new.for_each(|id| fire(NewUser { id, start }));
            sellers.clear();
            self.0.recycle((persons, sellers));
        }
    }
}

/// W4 by hand: each side's rows by person, kept for as long as the other goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Join {
    persons: Map<Vec<Person>>,
    auctions: Map<Vec<Auction>>,
}

impl Join {
    /// Takes a person in, and gives its pairs.
    #[inline(always)]
    pub(crate) fn person(&mut self, person: Person, mut pair: impl FnMut((Person, Auction))) {
        if let Some(auctions) = self.auctions.get(&person.id) {
            auctions.iter().for_each(|&auction| pair((person, auction)));
        }
        self.persons.entry(person.id).or_default().push(person);
    }

    /// Takes an auction in, and gives its pairs.
    #[inline(always)]
    pub(crate) fn auction(&mut self, auction: Auction, mut pair: impl FnMut((Person, Auction))) {
        if let Some(persons) = self.persons.get(&auction.seller) {
            persons.iter().for_each(|&person| pair((person, auction)));
        }
        self.auctions.entry(auction.seller).or_default().push(auction);
    }
}
