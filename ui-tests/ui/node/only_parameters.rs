//! error at: `(#[param] by: u64)`
//! says: `scale` has no input

use streamweave::prelude::*;

#[node]
fn scale(#[param] by: u64) -> u64 {
    by
}

fn main() {}
