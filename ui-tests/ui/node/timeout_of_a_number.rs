//! error at: `2`
//! says: mismatched types

use streamweave::prelude::*;

#[node(timeout = 2)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
