//! Q10, log to files: every bid with the day and the minute of the file that it belongs to. The rows alone: they
//! are printed, not written to the files.
//!
//! ```sql
//! SELECT auction, bidder, price, dateTime, extra,
//!        DATE_FORMAT(dateTime, 'yyyy-MM-dd'), DATE_FORMAT(dateTime, 'HH:mm')
//! FROM bid;
//! ```

use ::nexmark::event::Bid;
use serde::Serialize;
use streamweave::prelude::*;

use super::row::at;
use super::{Event, bids};

/// Columns: auction, bidder, price, dateTime, extra, dt (`2015-07-15`), hm (`00:00`); in UTC.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
    date_time: u64,
    extra: String,
    dt: String,
    hm: String,
}

#[node]
fn dated(bid: Bid) -> Row {
    // 2015-07-15T00:00:00Z
    let time = at(bid.date_time).to_string();
    let (dt, time_of_day) = time.split_once('T').expect("a time has a day and a time of day");
    Row {
        auction: bid.auction,
        bidder: bid.bidder,
        price: bid.price,
        date_time: bid.date_time,
        extra: bid.extra,
        dt: dt.to_owned(),
        hm: time_of_day[..5].to_owned(),
    }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        events -> bids -> dated -> rows;
        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
