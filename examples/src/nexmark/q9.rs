//! Q9, winning bids: each auction with the bid that won it.
//!
//! ```sql
//! SELECT id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra,
//!   auction, bidder, price, bid_dateTime, bid_extra
//! FROM (
//!   SELECT A.*, B.auction, B.bidder, B.price, B.dateTime AS bid_dateTime, B.extra AS bid_extra,
//!     ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime ASC) AS rownum
//!   FROM auction A, bid B
//!   WHERE A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires
//! )
//! WHERE rownum <= 1;
//! ```
//!
//! The first in an order is the greatest of the opposite one, and a better bid takes back the one that was it until then.

use std::cmp::Reverse;
use std::sync::Arc;

use ::nexmark::event::{Auction, Bid};
use serde::Serialize;
use streamweave::prelude::*;

use super::offers::Open;
use super::relation::Relation;
use super::row::at;
use super::{Event, allowed, tables};

/// Columns: those of the auction (id, itemName, description, initialBid, reserve, dateTime, expires, seller, category,
/// extra), then those of the bid (auction, bidder, price, bid_dateTime, bid_extra).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Row {
    lot: Lot,
    auction: usize,
    bidder: usize,
    price: usize,
    bid_date_time: u64,
    bid_extra: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
struct Lot {
    id: usize,
    item_name: String,
    description: String,
    initial_bid: usize,
    reserve: usize,
    open: Open,
    seller: usize,
    category: usize,
    extra: String,
}

/// A bid; the better it is the greater.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Offer {
    price: usize,
    date_time: Reverse<u64>,
    bidder: usize,
    extra: Arc<str>,
}

/// An auction by its id. What is joined is cloned: so it is shared.
#[node]
fn lot(auction: Auction) -> Keyed<usize, Arc<Lot>> {
    let open = Open::of(&auction);
    let Auction { id, item_name, description, initial_bid, reserve, seller, category, extra, .. } = auction;
    let lot = Lot { id, item_name, description, initial_bid, reserve, open, seller, category, extra };
    Keyed { key: id, value: Arc::new(lot) }
}

#[node]
fn offer(bid: Bid) -> Keyed<usize, Offer> {
    let Bid { auction, bidder, price, date_time, extra, .. } = bid;
    Keyed { key: auction, value: Offer { price, date_time: Reverse(date_time), bidder, extra: extra.into() } }
}

#[node]
fn row(won: Keyed<usize, (Offer, Arc<Lot>)>) -> Row {
    let (Offer { price, date_time, bidder, extra }, lot) = won.value;
    let (lot, bid_extra) = ((*lot).clone(), extra.to_string());
    Row { lot, auction: won.key, bidder, price, bid_date_time: date_time.0, bid_extra }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events = from_iter(events);
        offers = differential::join_map(|&id: &usize, lot: &Arc<Lot>, offer: &Offer| {
            lot.open.at(offer.date_time.0).then(|| Keyed { key: id, value: (offer.clone(), lot.clone()) })
        });

        events -> event_time(|event| at(event.timestamp()), bounded(allowed())) -> tables -> {
            Auction => lot -> offers.left,
            Bid => offer -> offers.right,
            Person => discard,
        };
        offers -> filter_map(|offer| offer) -> differential::max() -> row
            -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
