//! error at: `()`
//! says: `one` has no input

use streamweave::prelude::*;

#[node]
fn one() -> u64 {
    1
}

fn main() {}
