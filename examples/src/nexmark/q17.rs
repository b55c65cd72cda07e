//! Q17, auction statistics: how many bids there were on each auction on each day, in all and at three levels of price, and the
//! lowest price, the highest, their average and their sum.
//!
//! ```sql
//! SELECT auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS day,
//!   count(*) AS total_bids,
//!   count(*) filter (where price < 10000) AS rank1_bids,
//!   count(*) filter (where price >= 10000 and price < 1000000) AS rank2_bids,
//!   count(*) filter (where price >= 1000000) AS rank3_bids,
//!   min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
//! FROM bid
//! GROUP BY auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd');
//! ```
//!
//! The average of a `BIGINT` is one, too: the sum over the number of bids, without what is behind the point.

use serde::Serialize;
use streamweave::prelude::*;

use super::figures::level;
use super::relation::Relation;
use super::row::{Day, at};
use super::{Event, allowed, bids};

/// Columns: auction, day (`2015-07-15`, in UTC), total_bids, rank1_bids, rank2_bids, rank3_bids, min_price, max_price,
/// avg_price, sum_price.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Row {
    auction: usize,
    day: Day,
    total_bids: i64,
    rank_bids: [i64; 3],
    min_price: u64,
    max_price: u64,
    avg_price: i128,
    sum_price: i128,
}

/// What a row is made of: its prices, and each level as often as there is a bid of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Level(usize),
    Least(u64),
    Greatest(u64),
    Sum(i128),
}

fn row(&(auction, day): &(usize, Day), parts: &[(Part, i64)]) -> Row {
    let mut row = Row { auction, day, ..Row::default() };
    for &(part, count) in parts {
        match part {
            Part::Level(level) => row.rank_bids[level - 1] = count,
            Part::Least(price) => row.min_price = price,
            Part::Greatest(price) => row.max_price = price,
            Part::Sum(prices) => row.sum_price = prices,
        }
    }
    row.total_bids = row.rank_bids.iter().sum();
    row.avg_price = row.sum_price / i128::from(row.total_bids);
    row
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events   = from_iter(events);
        prices   = map(|bid| Keyed { key: (bid.auction, Day::of(bid.date_time)), value: bid.price as u64 });
        levels   = map(|bid| Keyed { key: bid.key, value: Part::Level(level(bid.value)) });
        least    = map(|least| Keyed { key: least.key, value: Part::Least(least.value) });
        greatest = map(|greatest| Keyed { key: greatest.key, value: Part::Greatest(greatest.value) });
        sum      = map(|sum| Keyed { key: sum.key, value: Part::Sum(sum.value) });

        events -> bids -> event_time(|bid| at(bid.date_time), bounded(allowed())) -> prices;
        prices -> to_changes() -> levels;
        prices -> differential::min() -> least;
        prices -> differential::max() -> greatest;
        prices -> differential::sum() -> sum;
        [levels, least, greatest, sum] -> differential::reduce(|group, parts, rows| rows.push((row(group, parts), 1)))
            -> map(|row| row.value) -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
