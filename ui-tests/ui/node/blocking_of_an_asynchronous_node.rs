//! error at: `blocking`
//! says: `blocking` is for a plain `fn`

use streamweave::prelude::*;

#[node(blocking)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
