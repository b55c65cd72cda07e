//! Q13, bounded side input: every bid with what a table says of its auction.
//!
//! ```sql
//! SELECT B.auction, B.bidder, B.price, B.dateTime, S.value
//! FROM (SELECT *, PROCTIME() AS p_time FROM bid) B
//! JOIN side_input FOR SYSTEM_TIME AS OF B.p_time AS S
//! ON mod(B.auction, 10000) = S.key;
//! ```
//!
//! The table has ten thousand lines `key,value`, of which the value is the key as text: what nexmark-flink's
//! `side_input_gen.sh` writes. It does not change, so it is read before the first bid.

use serde::Serialize;
use streamweave::prelude::*;

use super::{Event, bids};

/// Columns: auction, bidder, price, dateTime, value.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
    date_time: u64,
    value: String,
}

/// How many lines the table has.
const LINES: usize = 10_000;

#[node]
fn entry(line: &str) -> Keyed<usize, String> {
    let (key, value) = line.split_once(',').expect("a line of the table has a comma");
    Keyed { key: key.parse().expect("a key is a number"), value: value.to_owned() }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        lines  = from_iter((0..LINES).map(|key| format!("{key},{key}")));
        joined = enrich().table_first();

        events -> bids -> key_by(|bid| bid.auction % LINES) -> joined.left;
        lines -> entry -> joined.right;
        joined -> map(|joined| {
            let (bid, value) = joined.value;
            Row { auction: bid.auction, bidder: bid.bidder, price: bid.price, date_time: bid.date_time, value }
        }) -> rows;

        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
