//! Q15, bidding statistics: how many bids, bidders and auctions there were on each day, in all and at three levels of price.
//!
//! ```sql
//! SELECT DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS day, total_bids, .. -- twelve counts: see [`figures`](super::figures)
//! FROM bid
//! GROUP BY DATE_FORMAT(dateTime, 'yyyy-MM-dd');
//! ```

use serde::Serialize;
use streamweave::prelude::*;

use super::figures::{Figures, counts, facts};
use super::relation::Relation;
use super::row::{Day, at};
use super::{Event, allowed, bids};

/// Columns: day (`2015-07-15`, in UTC), total_bids, rank1_bids, rank2_bids, rank3_bids; the same four of bidders, and of
/// auctions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Row {
    day: Day,
    figures: Figures,
}

/// Of a day each column is there as often as something counts in it.
fn row(&day: &Day, columns: &[(usize, i64)]) -> Row {
    let mut figures = Figures::default();
    for &(column, count) in columns {
        figures[column] = count;
    }
    Row { day, figures }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events = from_iter(events);

        events -> bids -> event_time(|bid| at(bid.date_time), bounded(allowed()))
            -> flat_map(|bid| facts(&Day::of(bid.date_time), &bid))
            -> differential::threshold(counts)
            -> map(|fact| Keyed { key: fact.group, value: fact.column })
            -> differential::reduce(|day, columns, rows| rows.push((row(day, columns), 1)))
            -> map(|row| row.value) -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
