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
//! | [`q3`] local item suggestion | name, city, state, id |
//! | [`q4`] average price for a category | category, avg |
//! | [`q5`] hot items | auction, num |
//! | [`q6`] average selling price by seller | seller, avg_price |
//! | [`q7`] highest bid | auction, price, bidder, dateTime, extra |
//! | [`q8`] monitor new users | id, name, starttime |
//! | [`q9`] winning bids | the columns of the auction, auction, bidder, price, bid_dateTime, bid_extra |
//! | [`q10`] log to files | auction, bidder, price, dateTime, extra, dt, hm |
//! | [`q11`] user sessions | bidder, bid_count, starttime, endtime |
//! | [`q12`] processing-time windows | bidder, bid_count, starttime, endtime |
//! | [`q13`] bounded side input | auction, bidder, price, dateTime, value |
//! | [`q14`] calculation | auction, bidder, price, bidTimeType, dateTime, extra, c_counts |
//! | [`q15`] bidding statistics | day, and of bids, bidders and auctions each: total, rank1, rank2, rank3 |
//! | [`q16`] channel statistics | channel, day, minute, and the twelve numbers of q15 |
//! | [`q17`] auction statistics | auction, day, of bids: total, rank1, rank2, rank3; of prices: min, max, avg, sum |
//! | [`q18`] find last bid | auction, bidder, price, channel, url, dateTime, extra |
//! | [`q19`] auction top ten | auction, bidder, price, channel, url, dateTime, extra, rank_number |
//! | [`q20`] expand bid with auction | the columns of the bid, and those of the auction but for its id |
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
//! - A query that updates its rows (q4, q6, q9, q15 to q19) answers with the rows that are there in the end. It has event
//!   time all the same: so at any time before its rows are those of the events until then, whatever order they arrived in.
//! - Where an `ORDER BY` leaves open which row is the first, the other columns decide, in the order of the `SELECT`, by the
//!   greatest.
//! - The average of whole numbers is one, too, as in Flink: the exact mean, without what is behind the point.

mod events;
mod figures;
mod offers;
pub mod q0;
pub mod q1;
pub mod q10;
pub mod q11;
pub mod q12;
pub mod q13;
pub mod q14;
pub mod q15;
pub mod q16;
pub mod q17;
pub mod q18;
pub mod q19;
pub mod q2;
pub mod q20;
pub mod q21;
pub mod q22;
pub mod q3;
pub mod q4;
pub mod q5;
pub mod q6;
pub mod q7;
pub mod q8;
pub mod q9;
mod relation;
mod row;

use std::time::{Duration, Instant};

pub use ::nexmark::event::Event;
use ::nexmark::event::{Auction, Bid, Person};
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
    /// Local item suggestion.
    Q3,
    /// Average price for a category.
    Q4,
    /// Hot items.
    Q5,
    /// Average selling price by seller.
    Q6,
    /// Highest bid.
    Q7,
    /// Monitor new users.
    Q8,
    /// Winning bids.
    Q9,
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
    /// Bidding statistics.
    Q15,
    /// Channel statistics.
    Q16,
    /// Auction statistics.
    Q17,
    /// Find last bid.
    Q18,
    /// Auction top ten.
    Q19,
    /// Expand bid with auction.
    Q20,
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
    pub const ALL: [Query; 23] = [
        Query::Q0,
        Query::Q1,
        Query::Q2,
        Query::Q3,
        Query::Q4,
        Query::Q5,
        Query::Q6,
        Query::Q7,
        Query::Q8,
        Query::Q9,
        Query::Q10,
        Query::Q11,
        Query::Q12,
        Query::Q13,
        Query::Q14,
        Query::Q15,
        Query::Q16,
        Query::Q17,
        Query::Q18,
        Query::Q19,
        Query::Q20,
        Query::Q21,
        Query::Q22,
    ];

    /// How the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Query::Q0 => "q0",
            Query::Q1 => "q1",
            Query::Q2 => "q2",
            Query::Q3 => "q3",
            Query::Q4 => "q4",
            Query::Q5 => "q5",
            Query::Q6 => "q6",
            Query::Q7 => "q7",
            Query::Q8 => "q8",
            Query::Q9 => "q9",
            Query::Q10 => "q10",
            Query::Q11 => "q11",
            Query::Q12 => "q12",
            Query::Q13 => "q13",
            Query::Q14 => "q14",
            Query::Q15 => "q15",
            Query::Q16 => "q16",
            Query::Q17 => "q17",
            Query::Q18 => "q18",
            Query::Q19 => "q19",
            Query::Q20 => "q20",
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
            Query::Q3 => timed(|| q3::run(events, batch)).await,
            Query::Q4 => timed(|| q4::run(events, batch)).await,
            Query::Q5 => timed(|| q5::run(events, batch)).await,
            Query::Q6 => timed(|| q6::run(events, batch)).await,
            Query::Q7 => timed(|| q7::run(events, batch)).await,
            Query::Q8 => timed(|| q8::run(events, batch)).await,
            Query::Q9 => timed(|| q9::run(events, batch)).await,
            Query::Q10 => timed(|| q10::run(events, batch)).await,
            Query::Q11 => timed(|| q11::run(events, batch)).await,
            Query::Q12 => timed(|| q12::run(events, rate, batch)).await,
            Query::Q13 => timed(|| q13::run(events, batch)).await,
            Query::Q14 => timed(|| q14::run(events, batch)).await,
            Query::Q15 => timed(|| q15::run(events, batch)).await,
            Query::Q16 => timed(|| q16::run(events, batch)).await,
            Query::Q17 => timed(|| q17::run(events, batch)).await,
            Query::Q18 => timed(|| q18::run(events, batch)).await,
            Query::Q19 => timed(|| q19::run(events, batch)).await,
            Query::Q20 => timed(|| q20::run(events, batch)).await,
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

/// Which table an event is a row of.
#[derive(Ports)]
enum Table {
    Person(Person),
    Auction(Auction),
    Bid(Bid),
}

/// A table a port.
#[node]
fn tables(event: Event) -> Table {
    match event {
        Event::Person(person) => Table::Person(person),
        Event::Auction(auction) => Table::Auction(auction),
        Event::Bid(bid) => Table::Bid(bid),
    }
}

/// The end of every port `late`: nothing comes there, for no event is delayed by more than the watermark allows.
fn on_time<D>(Late { time, window, frontier, .. }: Late<D>) {
    panic!("an event of {time} came when the frontier was {frontier}, too late for {window}");
}
