//! error at: `struct`
//! says: `#[node]` stands on a function

use streamweave::prelude::*;

#[node]
struct Scale {
    by: u64,
}

fn main() {}
