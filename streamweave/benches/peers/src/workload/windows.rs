//! W3: bids counted per auction, in ten-second tumbling windows of event time.
//!
//! The bids are Nexmark's, each arriving up to five seconds of event time late, so that they are out
//! of order, but none is too late. There is a watermark, five seconds behind the greatest time so
//! far, after every 1,024 bids, and another at the end; a window fires when one has reached its end.
//! StreamWeave alone moves its frontier with every bid.

use std::collections::HashMap;
use std::fmt;

use foldhash::fast::FixedState;
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Event, EventType};
use serde::{Deserialize, Serialize};

use super::Random;
use super::slices::{Slices, Windowed};

/// The length of a window, in microseconds.
pub(crate) const LENGTH: i64 = 10_000_000;
/// The most by which a bid is late, in microseconds.
pub(crate) const DISPLACEMENT: i64 = 5_000_000;
/// How many bids there are to a watermark.
pub(crate) const BATCH: usize = 1_024;

/// An auction that was bid on, and when, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Bid {
    pub(crate) auction: usize,
    pub(crate) time: i64,
}

/// Nexmark's first `count` bids, in the order in which they arrive.
pub(crate) fn input(count: usize) -> &'static [Bid] {
    let config = NexmarkConfig { base_time: 1_436_918_400_000, ..NexmarkConfig::default() };
    let generator = EventGenerator::new(config).with_type_filter(EventType::Bid);
    let mut random = Random::new();
    let mut bids: Vec<(i64, Bid)> = generator
        .filter_map(|event| match event {
            Event::Bid(bid) => Some(Bid { auction: bid.auction, time: bid.date_time as i64 * 1_000 }),
            _ => None,
        })
        .take(count)
        .map(|bid| (bid.time + random.below(DISPLACEMENT as u64) as i64, bid))
        .collect();
    bids.sort_by_key(|(arrival, _)| *arrival);
    Vec::leak(bids.into_iter().map(|(_, bid)| bid).collect())
}

/// How many bids an auction got in the window from `start`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Pane {
    pub(crate) start: i64,
    pub(crate) auction: usize,
    pub(crate) bids: u64,
}

/// The answer: how many panes, how many bids, and a sum over all panes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Panes {
    panes: u64,
    bids: u64,
    sum: u64,
}

impl Panes {
    /// Enters a pane.
    #[inline(always)]
    pub(crate) fn enter(&mut self, pane: Pane) {
        let place = (pane.auction as u64 ^ pane.start as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.panes += 1;
        self.bids += pane.bids;
        self.sum = self.sum.wrapping_add(place ^ pane.bids);
    }

    /// Enters what is in another answer.
    pub(crate) fn merge(&mut self, other: Panes) {
        self.panes += other.panes;
        self.bids += other.bids;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl fmt::Display for Panes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} panes, {} bids, sum {:016x}", self.panes, self.bids, self.sum)
    }
}

type Counts = HashMap<usize, u64, FixedState>;

/// Counts per auction and window, by hand.
#[derive(Clone, Debug)]
pub(crate) struct Windows(Slices<Counts, LENGTH>);

impl Windows {
    /// No windows yet.
    pub(crate) fn new() -> Self {
        Windows(Slices::new())
    }
}

impl Windowed for Windows {
    type Row = Bid;
    type Out = Pane;

    #[inline(always)]
    fn time(row: &Bid) -> i64 {
        row.time
    }

    #[inline(always)]
    fn add(&mut self, bid: Bid) {
        *self.0.at(bid.time).entry(bid.auction).or_insert(0) += 1;
    }

    fn is_due(&self, frontier: i64) -> bool {
        self.0.is_due(frontier)
    }

    fn advance(&mut self, frontier: i64, mut fire: impl FnMut(Pane)) {
        while let Some((start, mut counts)) = self.0.next(frontier) {
            counts.drain().for_each(|(auction, bids)| fire(Pane { start, auction, bids }));
            self.0.recycle(counts);
        }
    }
}
