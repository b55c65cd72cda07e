//! error at: `timeout`
//! says: `timeout` is for asynchronous nodes: write `async fn`

use streamweave::prelude::*;

#[node(timeout = 2.secs())]
fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
