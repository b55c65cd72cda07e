//! Q12, processing-time windows: how many bids of a bidder arrived in each ten seconds of the clock.
//!
//! ```sql
//! CREATE VIEW B AS SELECT *, PROCTIME() AS p_time FROM bid;
//! SELECT bidder, count(*) AS bid_count, window_start AS starttime, window_end AS endtime
//! FROM TABLE(TUMBLE(TABLE B, DESCRIPTOR(p_time), INTERVAL '10' SECOND))
//! GROUP BY bidder, window_start, window_end;
//! ```
//!
//! The clock is one moved by hand, so that the answer is the same in every run: it stands at midnight of 2015-07-15 when
//! the first event arrives, and goes on by a second when as many events have arrived as happen in one (`--rate`).

use futures::{Stream, stream};
use serde::Serialize;
use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::{ManualClock, ProcessingTime};

use super::row::{at, millis};
use super::{Event, START, bids, on_time};

/// Columns: bidder, bid_count, starttime, endtime.
#[derive(Serialize)]
pub struct Row {
    bidder: usize,
    bid_count: u64,
    starttime: i64,
    endtime: i64,
}

#[node]
fn row(count: Keyed<usize, Pane<u64>>) -> Row {
    let Keyed { key: bidder, value: Pane { window, value: bid_count, .. } } = count;
    Row { bidder, bid_count, starttime: millis(window.start), endtime: millis(window.end) }
}

/// So many events in each second of the clock.
fn paced(events: Vec<Event>, rate: usize, clock: ManualClock) -> impl Stream<Item = Event> {
    stream::unfold((events.into_iter().enumerate(), clock), move |(mut events, clock)| async move {
        let (place, event) = events.next()?;
        if place > 0 && place.is_multiple_of(rate) {
            clock.sleep(1.secs()).await;
        }
        Some((event, (events, clock)))
    })
}

/// Answers the query.
pub async fn run(events: Vec<Event>, rate: usize, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let clock = ManualClock::new();
    clock.advance_to(ProcessingTime::from_micros(at(START).micros()));
    let graph = graph! {
        events = from_stream(paced(events, rate, clock.clone()));
        counts = tumbling(10.secs()).aggregate(Count::new);

        events -> bids -> arrival_time(1.secs()) -> key_by(|bid| bid.bidder) -> counts -> row -> rows;
        counts.late -> for_each(on_time);

        rows = collect();
    };
    Ok(testing::run(graph.batch(batch), clock, 0)?.rows)
}
