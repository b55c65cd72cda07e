//! Q6, average selling price by seller: what the last ten auctions of each seller to close were won at, on average.
//!
//! The text of nexmark-flink is one that Flink refuses, and it says something else: eleven auctions instead of ten, in the
//! order of their winning bids, and a row for each auction. So this is the query of the original Nexmark, in CQL:
//!
//! ```sql
//! SELECT Istream(AVG(Q.final), Q.seller)
//! FROM (SELECT Rstream(MAX(B.price) AS final, A.seller)
//!       FROM Auction A [ROWS UNBOUNDED], Bid B [ROWS UNBOUNDED]
//!       WHERE A.id = B.auction AND B.datetime < A.expires AND A.expires < CURRENT_TIME
//!       GROUP BY A.id, A.seller) [PARTITION BY A.seller ROWS 10] Q
//! GROUP BY Q.seller;
//! ```
//!
//! What it reads:
//!
//! - Auctions and bids. Which bids count is as in [`q4`](super::q4), as nexmark-flink has it of both queries:
//!   `B.dateTime BETWEEN A.dateTime AND A.expires`.
//! - The last ten auctions of a seller are the ten of the greatest `expires`, and of those that close together of the
//!   greatest `id`. An auction on which nobody bid was not won, and is none of them.
//! - The end of the input closes every auction, as it does every window. Until then one that is open has its place
//!   already, with the highest bid so far: the answer is the same, and no clock is needed.
//! - The average of prices is a whole number, as in q4: the exact mean, without what is behind the point.

use ::nexmark::event::Auction;
use serde::Serialize;
use streamweave::prelude::*;

use super::offers::{Offer, Open, offer};
use super::relation::Relation;
use super::row::{at, whole};
use super::{Event, allowed, tables};

/// Columns: seller, avg_price.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Row {
    seller: usize,
    avg_price: i128,
}

/// When an auction takes bids, and its seller.
#[node]
fn lot(auction: Auction) -> Keyed<usize, (Open, usize)> {
    Keyed { key: auction.id, value: (Open::of(&auction), auction.seller) }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events = from_iter(events);
        offers = differential::join_map(|&id: &usize, &(open, seller): &(Open, usize), offer: &Offer| {
            open.at(offer.date_time).then_some(Keyed { key: (seller, open.until, id), value: offer.price })
        });

        events -> event_time(|event| at(event.timestamp()), bounded(allowed())) -> tables -> {
            Auction => lot -> offers.left,
            Bid => offer -> offers.right,
            Person => discard,
        };
        offers -> filter_map(|offer| offer) -> differential::max()
            -> map(|Keyed { key: (seller, until, id), value: price }| Keyed { key: seller, value: (until, id, price) })
            -> differential::top_n(10)
            -> map(|last| Keyed { key: last.key, value: last.value.2 }) -> differential::average()
            -> map(|mean| Row { seller: mean.key, avg_price: whole(mean.value) })
            -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
