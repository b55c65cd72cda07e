//! Q2, selection: the prices of bids on every 123rd auction.
//!
//! ```sql
//! SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0;
//! ```

use serde::Serialize;
use streamweave::prelude::*;

use super::{Event, bids};

/// Columns: auction, price.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    price: usize,
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        events -> bids -> filter(|bid| bid.auction % 123 == 0)
            -> map(|bid| Row { auction: bid.auction, price: bid.price }) -> rows;
        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
