//! What a run takes.
//!
//! Time is the process's CPU time, of all its threads: a machine that is busy elsewhere lengthens it
//! less than the clock's, and a peer that works on two threads is not let off half its work. It is
//! read around the engine alone, so that making the input does not count.

use std::time::Duration;

use cpu_time::ProcessTime;

use crate::engine::{Engine, Work};
use crate::workload::nexmark::{Auction, Entry, Person};
use crate::workload::paced::Latency;
use crate::workload::windows::Bid;
use crate::workload::words::Lines;
use crate::workload::{Workload, nexmark, numbers, windows, words};

/// What a workload works on, made once for all engines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// W1: numbers.
    Numbers(&'static [u64]),
    /// W2: lines, and how many words there are in them; the words are to stay slices of their line.
    BorrowedWords(Lines, usize),
    /// W2: the same; each word is to be owned.
    OwnedWords(Lines, usize),
    /// W3: bids.
    Bids(&'static [Bid]),
    /// W4: persons and auctions.
    PersonsAndAuctions(&'static [Person], &'static [Auction]),
    /// W7: so many records, made while they are sent.
    Paced(usize),
    /// Query 1, 2, 5 or 7: bids.
    NexmarkBids(Workload, &'static [nexmark::Bid]),
    /// Query 8: persons and auctions.
    Entries(&'static [Entry]),
}

/// What one run came to.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// The answer, as text.
    pub(crate) answer: String,
    /// The CPU time of the engine at work.
    pub(crate) cpu: Duration,
    /// The latency of the records, where they are paced.
    pub(crate) latency: Latency,
}

impl Input {
    /// Makes the input of a workload of this size.
    pub(crate) fn of(workload: Workload, size: usize) -> Input {
        let lines = |kind: fn(Lines, usize) -> Input| {
            let lines = words::input(size);
            kind(lines, words::count(lines))
        };
        match workload {
            Workload::W1 => Input::Numbers(numbers::input(size)),
            Workload::W2Borrowed => lines(Input::BorrowedWords),
            Workload::W2Owned => lines(Input::OwnedWords),
            Workload::W3 => Input::Bids(windows::input(size)),
            Workload::W4 => {
                let (persons, auctions) = nexmark::persons_and_auctions(size);
                Input::PersonsAndAuctions(persons, auctions)
            }
            Workload::W7 => Input::Paced(size),
            Workload::Q1 | Workload::Q2 | Workload::Q5 | Workload::Q7 => {
                Input::NexmarkBids(workload, nexmark::bids(size))
            }
            Workload::Q8 => Input::Entries(nexmark::entries(size)),
        }
    }

    /// The rows that the time is divided by: numbers, words, bids, records.
    pub(crate) fn rows(self) -> usize {
        match self {
            Input::Numbers(numbers) => numbers.len(),
            Input::BorrowedWords(_, count) | Input::OwnedWords(_, count) | Input::Paced(count) => count,
            Input::Bids(bids) => bids.len(),
            Input::PersonsAndAuctions(persons, auctions) => persons.len() + auctions.len(),
            Input::NexmarkBids(_, bids) => bids.len(),
            Input::Entries(entries) => entries.len(),
        }
    }

    /// Has an engine do its work on it.
    pub(crate) fn run(self, engine: Engine) -> Measured {
        let work: &dyn Work = engine.work();
        let mut latency = Latency::default();
        let begun = ProcessTime::now();
        let answer = match self {
            Input::Numbers(numbers) => work.five_operators(numbers).to_string(),
            Input::BorrowedWords(lines, _) => work.borrowed_words(lines).to_string(),
            Input::OwnedWords(lines, _) => work.owned_words(lines).to_string(),
            Input::Bids(bids) => work.windowed_count(bids).to_string(),
            Input::PersonsAndAuctions(persons, auctions) => work.keyed_join(persons, auctions).to_string(),
            Input::NexmarkBids(Workload::Q1, bids) => work.in_euros(bids).to_string(),
            Input::NexmarkBids(Workload::Q2, bids) => work.selection(bids).to_string(),
            Input::NexmarkBids(Workload::Q5, bids) => work.hot_items(bids).to_string(),
            Input::NexmarkBids(_, bids) => work.highest_bids(bids).to_string(),
            Input::Entries(entries) => work.new_users(entries).to_string(),
            Input::Paced(count) => {
                let arrivals = work.paced_records(count);
                latency = arrivals.latency();
                arrivals.to_string()
            }
        };
        Measured { answer, cpu: begun.elapsed(), latency }
    }
}
