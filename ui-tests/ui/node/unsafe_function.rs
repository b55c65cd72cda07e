//! error at: `unsafe`
//! says: a node function cannot be unsafe

use streamweave::prelude::*;

#[node]
unsafe fn peek(x: u64) -> u64 {
    x
}

fn main() {}
