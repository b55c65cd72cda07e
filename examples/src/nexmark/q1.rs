//! Q1, currency conversion: every bid, its price in euros.
//!
//! ```sql
//! SELECT auction, bidder, 0.908 * price AS price, dateTime, extra FROM bid;
//! ```

use serde::Serialize;
use streamweave::prelude::*;

use super::row::Euros;
use super::{Event, bids};

/// Columns: auction, bidder, price (euros, with three decimals), dateTime, extra.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: Euros,
    date_time: u64,
    extra: String,
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        events -> bids -> map(|bid| Row {
            auction: bid.auction,
            bidder: bid.bidder,
            price: Euros::of(bid.price),
            date_time: bid.date_time,
            extra: bid.extra,
        }) -> rows;
        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
