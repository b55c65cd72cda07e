//! What q4, q6 and q9 have in common: which bids on an auction count.
//!
//! ```sql
//! FROM auction A, bid B WHERE A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires
//! ```

use ::nexmark::event::{Auction, Bid};
use serde::Serialize;
use streamweave::prelude::*;

/// When an auction takes bids; both ends are of it. Printed as two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(super) struct Open {
    from: u64,
    pub(super) until: u64,
}

impl Open {
    pub(super) fn of(auction: &Auction) -> Self {
        Open { from: auction.date_time, until: auction.expires }
    }

    /// Whether a bid of this time counts.
    pub(super) fn at(self, date_time: u64) -> bool {
        (self.from..=self.until).contains(&date_time)
    }
}

/// A bid, by its auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Offer {
    pub(super) date_time: u64,
    pub(super) price: u64,
}

#[node]
pub(super) fn offer(bid: Bid) -> Keyed<usize, Offer> {
    Keyed { key: bid.auction, value: Offer { date_time: bid.date_time, price: bid.price as u64 } }
}
