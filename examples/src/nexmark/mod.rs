//! Nexmark: queries over the people, auctions and bids of an auction house. A query a file, each with its SQL.
//!
//! The texts are those of [nexmark-flink](https://github.com/nexmark/nexmark), the events those of the crate
//! `nexmark`, delayed as [`Events`] says. The columns of each answer:
//!
//! | query | columns |
//! |---|---|
//! | [`q0`] pass through | auction, bidder, price, dateTime, extra |
//! | [`q1`] currency conversion | auction, bidder, price, dateTime, extra |
//! | [`q2`] selection | auction, price |
//! | [`q5`] hot items | auction, num |
//! | [`q7`] highest bid | auction, price, bidder, dateTime, extra |
//! | [`q8`] monitor new users | id, name, starttime |
//! | [`q10`] log to files | auction, bidder, price, dateTime, extra, dt, hm |
//! | [`q11`] user sessions | bidder, bid_count, starttime, endtime |
//! | [`q12`] processing-time windows | bidder, bid_count, starttime, endtime |
//! | [`q13`] bounded side input | auction, bidder, price, dateTime, value |
//! | [`q14`] calculation | auction, bidder, price, bidTimeType, dateTime, extra, c_counts |
//! | [`q21`] channel id | auction, bidder, price, channel, channel_id |
//! | [`q22`] URL directories | auction, bidder, price, channel, dir1, dir2, dir3 |
//!
//! What the texts leave open, here and in the files:
//!
//! - A time is printed as milliseconds since the Unix epoch, as it stands in the events. Dates and hours are UTC's.
//! - An answer is its rows as CSV, without a header, in the order of their bytes: SQL promises none.
//! - A column is where the `SELECT` has it: the sink of q7 names its second and third the other way round.
//! - `NULL` is an empty field.
//! - The end of the input closes every window, those of q12 included.

mod events;
pub mod q0;
pub mod q1;
pub mod q10;
pub mod q11;
pub mod q12;
pub mod q13;
pub mod q14;
pub mod q2;
pub mod q21;
pub mod q22;
pub mod q5;
pub mod q7;
pub mod q8;
mod row;

use std::time::{Duration, Instant};

use ::nexmark::event::Bid;
pub use ::nexmark::event::Event;
use serde::Serialize;
use streamweave::prelude::*;

pub use events::{Events, START, allowed, dump};

/// A query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// Pass through.
    Q0,
    /// Currency conversion.
    Q1,
    /// Selection.
    Q2,
    /// Hot items.
    Q5,
    /// Highest bid.
    Q7,
    /// Monitor new users.
    Q8,
    /// Log to files.
    Q10,
    /// User sessions.
    Q11,
    /// Processing-time windows.
    Q12,
    /// Bounded side input.
    Q13,
    /// Calculation.
    Q14,
    /// Channel ids.
    Q21,
    /// URL directories.
    Q22,
}

/// What a query came to.
#[derive(Debug)]
pub struct Answer {
    /// The rows as CSV, sorted.
    pub lines: Vec<String>,
    /// What the graph took, from its first row to its last.
    pub elapsed: Duration,
}

impl Query {
    /// All of them.
    pub const ALL: [Query; 13] = [
        Query::Q0,
        Query::Q1,
        Query::Q2,
        Query::Q5,
        Query::Q7,
        Query::Q8,
        Query::Q10,
        Query::Q11,
        Query::Q12,
        Query::Q13,
        Query::Q14,
        Query::Q21,
        Query::Q22,
    ];

    /// How the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Query::Q0 => "q0",
            Query::Q1 => "q1",
            Query::Q2 => "q2",
            Query::Q5 => "q5",
            Query::Q7 => "q7",
            Query::Q8 => "q8",
            Query::Q10 => "q10",
            Query::Q11 => "q11",
            Query::Q12 => "q12",
            Query::Q13 => "q13",
            Query::Q14 => "q14",
            Query::Q21 => "q21",
            Query::Q22 => "q22",
        }
    }

    /// The query of this name.
    pub fn named(name: &str) -> Option<Query> {
        Query::ALL.into_iter().find(|query| query.name() == name)
    }

    /// Answers the query over events in the order in which they arrive, `rate` a second, taken in batches of so many.
    ///
    /// # Errors
    ///
    /// As [`streamweave::Graph::run`].
    pub async fn answer(
        self,
        events: Vec<Event>,
        rate: usize,
        batch: usize,
    ) -> Result<Answer, streamweave::Error> {
        match self {
            Query::Q0 => timed(|| q0::run(events, batch)).await,
            Query::Q1 => timed(|| q1::run(events, batch)).await,
            Query::Q2 => timed(|| q2::run(events, batch)).await,
            Query::Q5 => timed(|| q5::run(events, batch)).await,
            Query::Q7 => timed(|| q7::run(events, batch)).await,
            Query::Q8 => timed(|| q8::run(events, batch)).await,
            Query::Q10 => timed(|| q10::run(events, batch)).await,
            Query::Q11 => timed(|| q11::run(events, batch)).await,
            Query::Q12 => timed(|| q12::run(events, rate, batch)).await,
            Query::Q13 => timed(|| q13::run(events, batch)).await,
            Query::Q14 => timed(|| q14::run(events, batch)).await,
            Query::Q21 => timed(|| q21::run(events, batch)).await,
            Query::Q22 => timed(|| q22::run(events, batch)).await,
        }
    }
}

/// Takes the time of a run; printing is not part of it. A graph is some kilobytes, and lies on the heap, so that the
/// stack does not have to hold one for each query.
async fn timed<R: Serialize, F>(run: impl FnOnce() -> F) -> Result<Answer, streamweave::Error>
where
    F: Future<Output = Result<Vec<R>, streamweave::Error>>,
{
    let begun = Instant::now();
    let rows = Box::pin(run()).await?;
    let elapsed = begun.elapsed();
    Ok(Answer { lines: row::sorted_lines(&rows), elapsed })
}

/// The bids among the events.
#[node]
fn bids(event: Event) -> Option<Bid> {
    match event {
        Event::Bid(bid) => Some(bid),
        Event::Person(_) | Event::Auction(_) => None,
    }
}

/// The end of every port `late`: nothing comes there, for no event is delayed by more than the watermark allows.
fn on_time<D>(Late { time, window, frontier, .. }: Late<D>) {
    panic!("an event of {time} came when the frontier was {frontier}, too late for {window}");
}
