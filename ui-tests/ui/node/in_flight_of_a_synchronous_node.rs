//! error at: `in_flight`
//! says: `in_flight` is for asynchronous nodes: write `async fn`

use streamweave::prelude::*;

#[node(in_flight = 8)]
fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
