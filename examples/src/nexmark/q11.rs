//! Q11, user sessions: how many bids a bidder made without a pause of more than ten seconds.
//!
//! ```sql
//! SELECT B.bidder, count(*) AS bid_count,
//!   SESSION_START(B.dateTime, INTERVAL '10' SECOND) AS starttime,
//!   SESSION_END(B.dateTime, INTERVAL '10' SECOND) AS endtime
//! FROM bid B
//! GROUP BY B.bidder, SESSION(B.dateTime, INTERVAL '10' SECOND);
//! ```
//!
//! A session ends ten seconds after its last bid. A bid at exactly that time still belongs to it, as in Flink.

use serde::Serialize;
use streamweave::prelude::*;

use super::row::{at, millis};
use super::{Event, allowed, bids, on_time};

/// Columns: bidder, bid_count, starttime, endtime.
#[derive(Serialize)]
pub struct Row {
    bidder: usize,
    bid_count: u64,
    starttime: i64,
    endtime: i64,
}

#[node]
fn row(session: Keyed<usize, Pane<u64>>) -> Row {
    let Keyed { key: bidder, value: Pane { window, value: bid_count, .. } } = session;
    Row { bidder, bid_count, starttime: millis(window.start), endtime: millis(window.end) }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events   = from_iter(events);
        sessions = session(10.secs()).aggregate(Count::new);

        events -> bids -> event_time(|bid| at(bid.date_time), bounded(allowed())) -> key_by(|bid| bid.bidder)
            -> sessions -> row -> rows;
        sessions.late -> for_each(on_time);

        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
