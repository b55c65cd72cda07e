//! Q4, average price for a category: what the auctions of each category were won at, on average.
//!
//! ```sql
//! SELECT Q.category, AVG(Q.final)
//! FROM (
//!   SELECT MAX(B.price) AS final, A.category
//!   FROM auction A, bid B
//!   WHERE A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires
//!   GROUP BY A.id, A.category
//! ) Q
//! GROUP BY Q.category;
//! ```
//!
//! `BETWEEN` takes in both ends. The average of a `BIGINT` is one, too: the exact mean, without what is behind the point.
//!
//! A higher bid takes back what the auction was won at until then, and with it the average of its category. All changes of a
//! millisecond come together: at each time the averages are those of the events until then, in whatever order they arrived.

use ::nexmark::event::Auction;
use serde::Serialize;
use streamweave::prelude::*;

use super::offers::{Offer, Open, offer};
use super::relation::Relation;
use super::row::{at, whole};
use super::{Event, allowed, tables};

/// Columns: category, avg.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Row {
    category: usize,
    avg: i128,
}

/// When an auction takes bids, and its category.
#[node]
fn lot(auction: Auction) -> Keyed<usize, (Open, usize)> {
    Keyed { key: auction.id, value: (Open::of(&auction), auction.category) }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events = from_iter(events);
        offers = differential::join_map(|&id: &usize, &(open, category): &(Open, usize), offer: &Offer| {
            open.at(offer.date_time).then_some(Keyed { key: (id, category), value: offer.price })
        });

        events -> event_time(|event| at(event.timestamp()), bounded(allowed())) -> tables -> {
            Auction => lot -> offers.left,
            Bid => offer -> offers.right,
            Person => discard,
        };
        offers -> filter_map(|offer| offer) -> differential::max()
            -> map(|won| Keyed { key: won.key.1, value: won.value }) -> differential::average()
            -> map(|mean| Row { category: mean.key, avg: whole(mean.value) })
            -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
