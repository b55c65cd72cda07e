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

/// The watermarks of a stream of bids.
#[derive(Clone, Debug)]
pub(crate) struct Watermarks {
    greatest: i64,
    left: usize,
}

impl Watermarks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Watermarks { greatest: i64::MIN, left: BATCH }
    }

    /// Sees a bid; every so often that makes a watermark.
    #[inline(always)]
    pub(crate) fn after(&mut self, time: i64) -> Option<i64> {
        self.greatest = self.greatest.max(time);
        self.left -= 1;
        if self.left > 0 {
            return None;
        }
        self.left = BATCH;
        Some(self.greatest - DISPLACEMENT)
    }
}

type Counts = HashMap<usize, u64, FixedState>;

/// The windows that an engineer writes by hand: the loop's, and those of the peers that have none.
///
/// The newest window's counts stand in a field of their own, those of older windows in a short list,
/// and the tables of windows that have fired are used again: most bids cost one compare and one
/// look-up.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    newest: Counts,
    start: i64,
    older: Vec<(i64, Counts)>,
    spare: Vec<Counts>,
    frontier: i64,
}

/// The start of the newest window while there is none.
const NONE: i64 = i64::MIN;

impl Windows {
    /// No windows yet.
    pub(crate) fn new() -> Self {
        Windows {
            newest: Counts::default(),
            start: NONE,
            older: Vec::new(),
            spare: Vec::new(),
            frontier: i64::MIN,
        }
    }

    /// Counts a bid.
    ///
    /// # Panics
    ///
    /// Where it is late: the input has no such bid, so the engine has lost its place.
    #[inline(always)]
    pub(crate) fn add(&mut self, auction: usize, time: i64) {
        let window = time - time.rem_euclid(LENGTH);
        let counts = if window == self.start { &mut self.newest } else { self.counts_of(window) };
        *counts.entry(auction).or_insert(0) += 1;
    }

    /// The counts of a window that is not the newest, or not yet.
    #[cold]
    fn counts_of(&mut self, window: i64) -> &mut Counts {
        assert!(window + LENGTH > self.frontier, "no bid is late");
        if window > self.start {
            let before = std::mem::replace(&mut self.newest, self.spare.pop().unwrap_or_default());
            if self.start != NONE {
                self.older.push((self.start, before));
            }
            self.start = window;
            return &mut self.newest;
        }
        let at = self.older.iter().position(|(start, _)| *start == window).unwrap_or_else(|| {
            let at = self.older.partition_point(|(start, _)| *start < window);
            self.older.insert(at, (window, self.spare.pop().unwrap_or_default()));
            at
        });
        &mut self.older[at].1
    }

    /// Whether a window fires at this frontier.
    pub(crate) fn is_due(&self, frontier: i64) -> bool {
        let first = self.older.first().map_or(self.start, |(start, _)| *start);
        first != NONE && first + LENGTH <= frontier
    }

    /// Fires the windows whose end the frontier has reached.
    pub(crate) fn advance(&mut self, frontier: i64, mut fire: impl FnMut(Pane)) {
        self.frontier = frontier;
        while self.is_due(frontier) {
            let (start, mut counts) = match self.older.is_empty() {
                false => self.older.remove(0),
                true => (std::mem::replace(&mut self.start, NONE), std::mem::take(&mut self.newest)),
            };
            counts.drain().for_each(|(auction, bids)| fire(Pane { start, auction, bids }));
            self.spare.push(counts);
        }
    }
}
