//! Q14, calculation: bids of a middling price, the time of day, and how often `c` stands in `extra`.
//!
//! ```sql
//! SELECT auction, bidder, 0.908 * price AS price,
//!   CASE
//!     WHEN HOUR(dateTime) >= 8 AND HOUR(dateTime) <= 18 THEN 'dayTime'
//!     WHEN HOUR(dateTime) <= 6 OR HOUR(dateTime) >= 20 THEN 'nightTime'
//!     ELSE 'otherTime'
//!   END AS bidTimeType,
//!   dateTime, extra, count_char(extra, 'c') AS c_counts
//! FROM bid
//! WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000;
//! ```

use ::nexmark::event::Bid;
use serde::Serialize;
use streamweave::prelude::*;

use super::row::Euros;
use super::{Event, bids};

/// Columns: auction, bidder, price (euros, with three decimals), bidTimeType, dateTime, extra, c_counts.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: Euros,
    bid_time_type: &'static str,
    date_time: u64,
    extra: String,
    c_counts: usize,
}

/// What the query calls an hour of the day, in UTC.
fn time_type(hour: u64) -> &'static str {
    match hour {
        8..=18 => "dayTime",
        0..=6 | 20.. => "nightTime",
        7 | 19 => "otherTime",
    }
}

#[node]
fn calculated(bid: Bid) -> Option<Row> {
    let price = Euros::of(bid.price);
    let is_middling = price > Euros::new(1_000_000) && price < Euros::new(50_000_000);
    is_middling.then(|| Row {
        auction: bid.auction,
        bidder: bid.bidder,
        price,
        bid_time_type: time_type(bid.date_time / 3_600_000 % 24),
        date_time: bid.date_time,
        c_counts: bid.extra.bytes().filter(|byte| *byte == b'c').count(),
        extra: bid.extra,
    })
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        events -> bids -> calculated -> rows;
        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
