//! Q16, channel statistics: how many bids, bidders and auctions there were in each channel on each day, in all and at
//! three levels of price, and the minute of the last bid.
//!
//! ```sql
//! SELECT channel, DATE_FORMAT(dateTime, 'yyyy-MM-dd') AS day, max(DATE_FORMAT(dateTime, 'HH:mm')) AS minute,
//!   total_bids, .. -- twelve counts: see [`figures`](super::figures)
//! FROM bid
//! GROUP BY channel, DATE_FORMAT(dateTime, 'yyyy-MM-dd');
//! ```

use std::sync::Arc;

use ::nexmark::event::Bid;
use serde::{Serialize, Serializer};
use streamweave::prelude::*;

use super::figures::{Figures, counts, facts};
use super::relation::Relation;
use super::row::{Day, at};
use super::{Event, allowed, bids};

/// Columns: channel, day (`2015-07-15`, in UTC), minute (`00:00`), total_bids, rank1_bids, rank2_bids, rank3_bids; the same
/// four of bidders, and of auctions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Row {
    channel: String,
    day: Day,
    minute: Minute,
    figures: Figures,
}

/// A minute of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Minute(u64);

impl Serialize for Minute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

/// What a row is made of: its last minute, and each column as often as something counts in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Last(Minute),
    Column(usize),
}

/// A channel and a day: of each bid it is the key of seven rows, so the name is shared.
type Group = (Arc<str>, Day);

fn row((channel, day): &Group, parts: &[(Part, i64)]) -> Row {
    let mut row = Row {
        channel: channel.to_string(),
        day: *day,
        minute: Minute::default(),
        figures: Figures::default(),
    };
    for &(part, count) in parts {
        match part {
            Part::Last(minute) => row.minute = minute,
            Part::Column(column) => row.figures[column] = count,
        }
    }
    row
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let mut relation = Relation::default();
    graph! {
        events  = from_iter(events);
        grouped = map(|bid| Keyed { key: (bid.channel.as_str().into(), Day::of(bid.date_time)), value: bid });
        lasts   = map(|last| Keyed { key: last.key, value: Part::Last(last.value) });
        columns = map(|fact| Keyed { key: fact.group, value: Part::Column(fact.column) });

        events -> bids -> event_time(|bid| at(bid.date_time), bounded(allowed())) -> grouped;
        grouped -> map(|bid: Keyed<Group, Bid>| Keyed { key: bid.key, value: Minute(bid.value.date_time / 60_000 % 1_440) })
            -> differential::max() -> lasts;
        grouped -> flat_map(|bid: Keyed<Group, Bid>| facts(&bid.key, &bid.value))
            -> differential::threshold(counts) -> columns;
        [lasts, columns] -> differential::reduce(|group, parts, rows| rows.push((row(group, parts), 1)))
            -> map(|row| row.value) -> for_each_update(|change| relation.change(change));
    }
    .batch(batch)
    .run()
    .await?;
    Ok(relation.rows())
}
