//! Q3, local item suggestion: who sells something of category 10 in Oregon, Idaho or California, and in which auctions.
//!
//! ```sql
//! SELECT P.name, P.city, P.state, A.id
//! FROM auction AS A INNER JOIN person AS P ON A.seller = P.id
//! WHERE A.category = 10 AND (P.state = 'OR' OR P.state = 'ID' OR P.state = 'CA');
//! ```
//!
//! The generator writes states in lower case, where that of nexmark-flink has capitals: they are compared without regard
//! to it, and printed as they are.
//!
//! Nobody leaves and no auction is taken back: no row of the answer ever goes. So this is a join of streams that are only
//! added to, and the times of the events have no part in it.

use serde::Serialize;
use streamweave::prelude::*;

use super::{Event, tables};

/// Columns: name, city, state, id (of the auction).
#[derive(Serialize)]
pub struct Row {
    name: String,
    city: String,
    state: String,
    id: usize,
}

fn is_local(state: &str) -> bool {
    ["OR", "ID", "CA"].iter().any(|local| state.eq_ignore_ascii_case(local))
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        sales  = join();

        events -> tables -> {
            Auction => filter(|auction| auction.category == 10)
                -> map(|auction| Keyed { key: auction.seller, value: auction.id }) -> sales.left,
            Person => filter(|person| is_local(&person.state)) -> key_by(|person| person.id) -> sales.right,
            Bid => discard,
        };
        sales -> map(|sale| {
            let (id, person) = sale.value;
            Row { name: person.name, city: person.city, state: person.state, id }
        }) -> rows;

        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}
