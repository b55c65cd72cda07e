//! Q0, pass through: every bid, as it is.
//!
//! ```sql
//! SELECT auction, bidder, price, dateTime, extra FROM bid;
//! ```

use serde::Serialize;
use streamweave::prelude::*;

use super::{Event, bids};

/// Columns: auction, bidder, price, dateTime, extra.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
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
            price: bid.price,
            date_time: bid.date_time,
            extra: bid.extra,
        }) -> rows;
        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
