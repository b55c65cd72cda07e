//! error at: `async`
//! says: asynchronous nodes are not there yet

use streamweave::prelude::*;

#[node]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
