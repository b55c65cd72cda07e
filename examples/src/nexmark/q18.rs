//! Q18, find last bid: the last bid of each bidder on each auction.
//!
//! ```sql
//! SELECT auction, bidder, price, channel, url, dateTime, extra
//! FROM (
//!   SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC) AS rank_number
//!   FROM bid
//! )
//! WHERE rank_number <= 1;
//! ```
//!
//! The first of a descending order is the greatest.

use ::nexmark::event::Bid;
use serde::Serialize;
use streamweave::prelude::*;

use super::relation::Relation;
use super::row::at;
use super::{Event, allowed, bids};

/// Columns: auction, bidder, price, channel, url, dateTime, extra.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
    channel: String,
    url: String,
    date_time: u64,
    extra: String,
}

/// A bid; the later it is the greater.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Made {
    date_time: u64,
    price: usize,
    channel: String,
    url: String,
    extra: String,
}

#[node]
fn made(bid: Bid) -> Keyed<(usize, usize), Made> {
    let Bid { auction, bidder, price, channel, url, date_time, extra } = bid;
    Keyed { key: (auction, bidder), value: Made { date_time, price, channel, url, extra } }
}

#[node]
fn row(last: Keyed<(usize, usize), Made>) -> Row {
    let Keyed { key: (auction, bidder), value: Made { date_time, price, channel, url, extra } } = last;
    Row { auction, bidder, price, channel, url, date_time, extra }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events = from_iter(events);

        events -> bids -> event_time(|bid| at(bid.date_time), bounded(allowed())) -> made
            -> differential::max() -> row -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
