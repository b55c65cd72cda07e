//! Q8, monitor new users: who came and put something up for auction within the same ten seconds.
//!
//! ```sql
//! SELECT P.id, P.name, P.starttime
//! FROM (
//!   SELECT id, name, window_start AS starttime, window_end AS endtime
//!   FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
//!   GROUP BY id, name, window_start, window_end
//! ) P
//! JOIN (
//!   SELECT seller, window_start AS starttime, window_end AS endtime
//!   FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
//!   GROUP BY seller, window_start, window_end
//! ) A
//! ON P.id = A.seller AND P.starttime = A.starttime AND P.endtime = A.endtime;
//! ```
//!
//! `GROUP BY` without an aggregate keeps one row of each kind: of the persons it is a count that nobody looks at, of
//! the auctions it makes the join ask only whether there is one, which is a semi-join. What the first window gives
//! comes at its last moment, so the join is over the same windows.

use serde::Serialize;
use streamweave::operator::window::Tumbling;
use streamweave::prelude::*;

use super::row::{at, millis};
use super::{Event, allowed, on_time};

/// Columns: id, name, starttime.
#[derive(Serialize)]
pub struct Row {
    id: usize,
    name: String,
    starttime: i64,
}

/// Where an event goes.
#[derive(Ports)]
enum Table {
    Person((usize, String)),
    Seller(usize),
    Bid,
}

#[node]
fn table(event: Event) -> Table {
    match event {
        Event::Person(person) => Table::Person((person.id, person.name)),
        Event::Auction(auction) => Table::Seller(auction.seller),
        Event::Bid(_) => Table::Bid,
    }
}

#[node]
fn row(new: Keyed<usize, Pane<String>>) -> Row {
    Row { id: new.key, name: new.value.value, starttime: millis(new.value.window.start) }
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let graph = graph! {
        events  = from_iter(events);
        persons = tumbling(10.secs()).aggregate(Count::new);
        new     = window_join(Tumbling::new(10.secs())).semi();

        events -> event_time(|event| at(event.timestamp()), bounded(allowed())) -> table -> {
            Person => key_by(|person| person.clone()) -> persons,
            Seller => key_by(|seller| *seller) -> new.right,
            Bid => discard,
        };
        persons -> map(|person| Keyed { key: person.key.0, value: person.key.1 }) -> new.left;
        persons.late -> for_each(on_time);
        new -> row -> rows;

        rows = collect();
    };
    let result = graph.batch(batch).run().await?;
    // A join has no port for late rows, but counts them.
    assert_eq!(result.report().node("new").map(|join| join.late), Some(0));
    Ok(result.rows)
}
