//! Q22, URL directories: three parts of the path of each bid's URL.
//!
//! ```sql
//! SELECT auction, bidder, price, channel,
//!   SPLIT_INDEX(url, '/', 3) AS dir1, SPLIT_INDEX(url, '/', 4) AS dir2, SPLIT_INDEX(url, '/', 5) AS dir3
//! FROM bid;
//! ```

use ::nexmark::event::Bid;
use serde::Serialize;
use streamweave::prelude::*;

use super::{Event, bids};

/// Columns: auction, bidder, price, channel, dir1, dir2, dir3; a part that the URL does not have is empty.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
    channel: String,
    dir1: Option<String>,
    dir2: Option<String>,
    dir3: Option<String>,
}

#[node]
fn directories(bid: Bid) -> Row {
    let mut parts = bid.url.split('/').skip(3).map(str::to_owned);
    Row {
        auction: bid.auction,
        bidder: bid.bidder,
        price: bid.price,
        channel: bid.channel,
        dir1: parts.next(),
        dir2: parts.next(),
        dir3: parts.next(),
    }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        events -> bids -> directories -> rows;
        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
