//! error at: `&u64`
//! says: an asynchronous node takes its input by value

use streamweave::prelude::*;

#[node]
async fn fetch(x: &u64) -> u64 {
    *x
}

fn main() {}
