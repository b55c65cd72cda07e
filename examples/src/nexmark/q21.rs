//! Q21, add channel id: bids whose channel has a number, by its name or by the URL.
//!
//! ```sql
//! SELECT auction, bidder, price, channel,
//!   CASE
//!     WHEN lower(channel) = 'apple' THEN '0'
//!     WHEN lower(channel) = 'google' THEN '1'
//!     WHEN lower(channel) = 'facebook' THEN '2'
//!     WHEN lower(channel) = 'baidu' THEN '3'
//!     ELSE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2)
//!   END AS channel_id
//! FROM bid
//! WHERE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) IS NOT NULL
//!    OR lower(channel) IN ('apple', 'google', 'facebook', 'baidu');
//! ```

use ::nexmark::event::Bid;
use serde::Serialize;
use streamweave::prelude::*;

use super::{Event, bids};

/// Columns: auction, bidder, price, channel, channel_id.
#[derive(Serialize)]
pub struct Row {
    auction: usize,
    bidder: usize,
    price: usize,
    channel: String,
    channel_id: String,
}

/// The second group of `(&|^)channel_id=([^&]*)`, where it matches.
fn channel_id(url: &str) -> Option<&str> {
    url.split('&').find_map(|part| part.strip_prefix("channel_id="))
}

#[node]
fn numbered(bid: Bid) -> Option<Row> {
    let channel_id = match &*bid.channel.to_lowercase() {
        "apple" => "0",
        "google" => "1",
        "facebook" => "2",
        "baidu" => "3",
        _ => channel_id(&bid.url)?,
    };
    Some(Row {
        auction: bid.auction,
        bidder: bid.bidder,
        price: bid.price,
        channel_id: channel_id.to_owned(),
        channel: bid.channel,
    })
}

/// Answers the query.
pub async fn run(events: Vec<Event>, batch: usize) -> Result<Vec<Row>, streamweave::Error> {
    let result = graph! {
        events = from_iter(events);
        events -> bids -> numbered -> rows;
        rows = collect();
    };
    Ok(result.batch(batch).run().await?.rows)
}

#[cfg(test)]
mod tests {
    use super::channel_id;

    #[test]
    fn the_id_stands_at_the_beginning_or_behind_an_ampersand() {
        assert_eq!(channel_id("https://a/b?query=1&channel_id=7&x=2"), Some("7"));
        assert_eq!(channel_id("channel_id=&channel_id=7"), Some(""));
        assert_eq!(channel_id("https://a/b?channel_id=7"), None);
        assert_eq!(channel_id("https://a/b&my_channel_id=7"), None);
    }
}
