//! Q19, auction top ten: the ten highest bids on each auction, by rank.
//!
//! ```sql
//! SELECT *
//! FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rank_number FROM bid)
//! WHERE rank_number <= 10;
//! ```
//!
//! A bid that comes among the ten moves those behind it by a rank: what is numbered anew are ten bids, not all of the auction.

use std::sync::Arc;

use ::nexmark::event::Bid;
use serde::Serialize;
use streamweave::prelude::*;

use super::relation::Relation;
use super::row::at;
use super::{Event, allowed, bids};

/// Columns: auction, bidder, price, channel, url, dateTime, extra, rank_number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
    channel: String,
    url: String,
    date_time: u64,
    extra: String,
    rank_number: u64,
}

/// A bid; the higher it is the greater.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Offer {
    price: usize,
    bidder: usize,
    channel: String,
    url: String,
    date_time: u64,
    extra: String,
}

/// A bid by its auction. It is cloned for every rank that it has: so it is shared.
#[node]
fn offer(bid: Bid) -> Keyed<usize, Arc<Offer>> {
    let Bid { auction, bidder, price, channel, url, date_time, extra } = bid;
    Keyed { key: auction, value: Arc::new(Offer { price, bidder, channel, url, date_time, extra }) }
}

/// The offers, which are in ascending order and there so often, each with its place in the descending one.
fn ranked(offers: &[(Arc<Offer>, i64)]) -> impl Iterator<Item = (u64, Arc<Offer>)> {
    let descending = offers.iter().rev().flat_map(|(offer, times)| (0..*times).map(move |_| offer.clone()));
    (1..).zip(descending)
}

#[node]
fn row(offer: Keyed<usize, (u64, Arc<Offer>)>) -> Row {
    let Keyed { key: auction, value: (rank_number, offer) } = offer;
    let Offer { price, bidder, channel, url, date_time, extra } = (*offer).clone();
    Row { auction, bidder, price, channel, url, date_time, extra, rank_number }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events = from_iter(events);

        events -> bids -> event_time(|bid| at(bid.date_time), bounded(allowed())) -> offer
            -> differential::top_n(10)
            -> differential::reduce(|_, offers, rows| rows.extend(ranked(offers).map(|offer| (offer, 1))))
            -> row -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
