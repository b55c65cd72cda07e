//! Q5, hot items: the auctions with the most bids of the last ten seconds, every two seconds.
//!
//! ```sql
//! SELECT AuctionBids.auction, AuctionBids.num
//! FROM (
//!   SELECT auction, count(*) AS num, window_start AS starttime, window_end AS endtime
//!   FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
//!   GROUP BY auction, window_start, window_end
//! ) AS AuctionBids
//! JOIN (
//!   SELECT max(CountBids.num) AS maxn, CountBids.starttime, CountBids.endtime
//!   FROM (
//!     SELECT count(*) AS num, window_start AS starttime, window_end AS endtime
//!     FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
//!     GROUP BY auction, window_start, window_end
//!   ) AS CountBids
//!   GROUP BY CountBids.starttime, CountBids.endtime
//! ) AS MaxBids
//! ON AuctionBids.starttime = MaxBids.starttime AND AuctionBids.endtime = MaxBids.endtime
//!    AND AuctionBids.num >= MaxBids.maxn;
//! ```
//!
//! The counts of a window all come at its last moment, and one window ends every two seconds: so those of one
//! window are what two seconds bring, and the join is a second window, which keeps the greatest of them.

use serde::Serialize;
use streamweave::prelude::*;

use super::row::at;
use super::{Event, allowed, bids, on_time};

/// Columns: auction, num.
#[derive(Clone, Copy, Serialize)]
pub struct Row {
    auction: usize,
    num: u64,
}

/// The auctions with the most bids so far.
#[derive(Default)]
struct Hottest(Vec<Row>);

impl Aggregate<Row> for Hottest {
    type Output = Vec<Row>;

    fn add(&mut self, row: Row) {
        let most = self.0.first().map_or(0, |row| row.num);
        if row.num > most {
            self.0.clear();
        }
        if row.num >= most {
            self.0.push(row);
        }
    }

    fn output(&self) -> Vec<Row> {
        self.0.clone()
    }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events  = from_iter(events);
        counts  = sliding(10.secs(), 2.secs()).aggregate(Count::new);
        hottest = tumbling(2.secs()).aggregate(Hottest::default);

        events -> bids -> event_time(|bid| at(bid.date_time), bounded(allowed())) -> key_by(|bid| bid.auction)
            -> counts -> map(|count| Row { auction: count.key, num: count.value.value })
            -> key_by(|_| ()) -> hottest -> flat_map(|pane| pane.value.value) -> rows;
        counts.late -> for_each(on_time);
        hottest.late -> for_each(on_time);

        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
