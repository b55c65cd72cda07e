//! Q7, highest bid: the bids at the highest price of each ten seconds.
//!
//! ```sql
//! SELECT B.auction, B.price, B.bidder, B.dateTime, B.extra
//! FROM bid B
//! JOIN (
//!   SELECT MAX(price) AS maxprice, window_end AS dateTime
//!   FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
//!   GROUP BY window_start, window_end
//! ) B1
//! ON B.price = B1.maxprice
//! WHERE B.dateTime BETWEEN B1.dateTime - INTERVAL '10' SECOND AND B1.dateTime;
//! ```
//!
//! `BETWEEN` takes in both ends: a bid at the very end of a window is not of it, but a row where its price is
//! that window's maximum. So such a bid is looked at in both windows, and counts in one.

use ::nexmark::event::Bid;
use serde::Serialize;
use streamweave::prelude::*;

use super::row::at;
use super::{Event, allowed, bids, on_time};

/// Columns, in the order of the `SELECT`: auction, price, bidder, dateTime, extra.
#[derive(Clone, Serialize)]
pub struct Row {
    auction: usize,
    price: usize,
    bidder: usize,
    date_time: u64,
    extra: String,
}

/// A bid as one window sees it.
struct Seen {
    time: EventTime,
    /// Whether the bid is of the window, or stands at its end.
    within: bool,
    row: Row,
}

/// The bid in its window, and where it stands between two of them also in the one before.
#[node]
fn in_windows(bid: Bid) -> impl Iterator<Item = Seen> {
    let time = at(bid.date_time);
    let row = Row {
        auction: bid.auction,
        price: bid.price,
        bidder: bid.bidder,
        date_time: bid.date_time,
        extra: bid.extra,
    };
    let is_end = bid.date_time.is_multiple_of(10_000);
    let before = is_end.then(|| Seen { time: time - 1.micros(), within: false, row: row.clone() });
    before.into_iter().chain([Seen { time, within: true, row }])
}

/// The rows at the highest price so far.
#[derive(Default)]
struct Highest {
    price: usize,
    rows: Vec<Row>,
    at_end: Vec<Row>,
}

impl Aggregate<Seen> for Highest {
    type Output = Vec<Row>;

    fn add(&mut self, Seen { within, row, .. }: Seen) {
        if !within {
            return self.at_end.push(row);
        }
        if row.price > self.price || self.rows.is_empty() {
            self.price = row.price;
            self.rows.clear();
        }
        if row.price == self.price {
            self.rows.push(row);
        }
    }

    fn output(&self) -> Vec<Row> {
        // A window without a bid of its own has no highest price.
        let price = self.rows.first().map(|row| row.price);
        self.rows.iter().chain(self.at_end.iter().filter(|row| Some(row.price) == price)).cloned().collect()
    }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events  = from_iter(events);
        highest = tumbling(10.secs()).aggregate(Highest::default);

        events -> bids -> in_windows -> event_time(|seen| seen.time, bounded(allowed()))
            -> key_by(|_| ()) -> highest -> flat_map(|pane| pane.value.value) -> rows;
        highest.late -> for_each(on_time);

        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
