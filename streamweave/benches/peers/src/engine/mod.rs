//! Who does the work: each engine as one who knows it well would use it.
//!
//! One worker, and the same input for all, rows of it by value. Where an engine has the operator it
//! is used; where its own is slower than one by hand, or wrong, the one by hand stands in for it.
//! Hash tables all hash with foldhash and a fixed seed.

#[expect(unreachable_pub, reason = "`dfir_syntax!` expands to public items")]
mod dfir;
mod hand;
mod renoir;
mod streamweave;
mod timely;

use crate::workload::nexmark::{self, Answer, Auction, Entry, Person};
use crate::workload::paced::Arrivals;
use crate::workload::windows::{Bid, Panes};
use crate::workload::words::{Lines, WordCounts};

/// The workloads, as an engine does them.
pub(crate) trait Work {
    /// W1: what is left of the numbers after five operators, and its wrapping sum.
    fn five_operators(&self, numbers: &'static [u64]) -> u64;

    /// W2: the words of the lines, each a slice of its line until it is counted.
    fn borrowed_words(&self, lines: Lines) -> WordCounts;

    /// W2: the words of the lines, each owned by the time it leaves the operator that cuts it out.
    fn owned_words(&self, lines: Lines) -> WordCounts;

    /// W3: bids per auction and ten-second window.
    fn windowed_count(&self, bids: &'static [Bid]) -> Panes;

    /// W4: the pairs of a person and an auction of theirs; both sides are kept, and a pair is given as soon as
    /// both have come.
    fn keyed_join(&self, persons: &'static [Person], auctions: &'static [Auction]) -> Answer;

    /// W7: so many records at a fixed rate, one at a time, through three nodes.
    fn paced_records(&self, count: usize) -> Arrivals;

    /// Query 1: every bid, its price converted.
    fn in_euros(&self, bids: &'static [nexmark::Bid]) -> Answer;

    /// Query 2: the bids on some auctions.
    fn selection(&self, bids: &'static [nexmark::Bid]) -> Answer;

    /// Query 5: the auctions with the most bids of each ten seconds, every two seconds.
    fn hot_items(&self, bids: &'static [nexmark::Bid]) -> Answer;

    /// Query 7: the bids at the highest price of each ten seconds.
    fn highest_bids(&self, bids: &'static [nexmark::Bid]) -> Answer;

    /// Query 8: who came and sold within the same ten seconds.
    fn new_users(&self, entries: &'static [Entry]) -> Answer;
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// This one.
    StreamWeave,
    /// A loop, without an engine.
    Hand,
    /// timely dataflow.
    Timely,
    /// Hydro's DFIR.
    Dfir,
    /// Renoir.
    Renoir,
}

impl Engine {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Engine; 5] =
        [Engine::StreamWeave, Engine::Hand, Engine::Timely, Engine::Dfir, Engine::Renoir];

    /// The names, for a message.
    pub(crate) const NAMES: &str = "streamweave, hand, timely, dfir, renoir";

    /// How the command line calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::StreamWeave => "streamweave",
            Engine::Hand => "hand",
            Engine::Timely => "timely",
            Engine::Dfir => "dfir",
            Engine::Renoir => "renoir",
        }
    }

    /// The engine of that name.
    pub(crate) fn named(name: &str) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Its programs.
    pub(crate) fn work(self) -> &'static dyn Work {
        match self {
            Engine::StreamWeave => &streamweave::StreamWeave,
            Engine::Hand => &hand::Hand,
            Engine::Timely => &timely::Timely,
            Engine::Dfir => &dfir::Dfir,
            Engine::Renoir => &renoir::Renoir,
        }
    }
}

/// A tokio runtime on this thread alone.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers can be built")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{numbers, windows, words};

    #[test]
    fn every_engine_gives_the_answers_of_the_loop() {
        let (numbers, lines, bids) = (numbers::input(30_000), words::input(200_000), windows::input(200_000));
        let (persons, auctions) = nexmark::persons_and_auctions(20_000);
        let (nexmark_bids, entries) = (nexmark::bids(200_000), nexmark::entries(20_000));
        let answers = |engine: Engine| {
            let work = engine.work();
            [
                work.five_operators(numbers).to_string(),
                work.borrowed_words(lines).to_string(),
                work.owned_words(lines).to_string(),
                work.windowed_count(bids).to_string(),
                work.keyed_join(persons, auctions).to_string(),
                work.paced_records(100).to_string(),
                work.in_euros(nexmark_bids).to_string(),
                work.selection(nexmark_bids).to_string(),
                work.hot_items(nexmark_bids).to_string(),
                work.highest_bids(nexmark_bids).to_string(),
                work.new_users(entries).to_string(),
            ]
        };
        let expected = answers(Engine::Hand);
        assert!(Engine::ALL.into_iter().all(|engine| answers(engine) == expected));
    }
}
