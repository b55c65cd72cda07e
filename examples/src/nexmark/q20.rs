//! Q20, expand bid with auction: every bid on an auction of category 10, with that auction.
//!
//! ```sql
//! SELECT auction, bidder, price, channel, url, B.dateTime, B.extra,
//!   itemName, description, initialBid, reserve, A.dateTime, expires, seller, category, A.extra
//! FROM bid AS B INNER JOIN auction AS A ON B.auction = A.id
//! WHERE A.category = 10;
//! ```
//!
//! No bid is taken back and no auction: no row of the answer ever goes. So this is a join of streams that are only added
//! to, and the times of the events have no part in it: a bid before its auction, or after it, counts like any other.

use ::nexmark::event::{Auction, Bid};
use serde::Serialize;
use streamweave::prelude::*;

use super::{Event, tables};

/// Columns: auction, bidder, price, channel, url, bid_dateTime, bid_extra, itemName, description, initialBid, reserve,
/// auction_dateTime, expires, seller, category, auction_extra.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
    channel: String,
    url: String,
    bid_date_time: u64,
    bid_extra: String,
    item_name: String,
    description: String,
    initial_bid: usize,
    reserve: usize,
    auction_date_time: u64,
    expires: u64,
    seller: usize,
    category: usize,
    auction_extra: String,
}

#[node]
fn row(expanded: Keyed<usize, (Bid, Auction)>) -> Row {
    let (bid, auction) = expanded.value;
    Row {
        auction: bid.auction,
        bidder: bid.bidder,
        price: bid.price,
        channel: bid.channel,
        url: bid.url,
        bid_date_time: bid.date_time,
        bid_extra: bid.extra,
        item_name: auction.item_name,
        description: auction.description,
        initial_bid: auction.initial_bid,
        reserve: auction.reserve,
        auction_date_time: auction.date_time,
        expires: auction.expires,
        seller: auction.seller,
        category: auction.category,
        auction_extra: auction.extra,
    }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events   = from_iter(events);
        expanded = join();

        events -> tables -> {
            Bid => key_by(|bid| bid.auction) -> expanded.left,
            Auction => filter(|auction| auction.category == 10) -> key_by(|auction| auction.id) -> expanded.right,
            Person => discard,
        };
        expanded -> row -> rows;

        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
