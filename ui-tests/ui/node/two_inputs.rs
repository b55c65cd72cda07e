//! error at: `by: u64`
//! says: a node has one input; mark what configures it with `#[param]`

use streamweave::prelude::*;

#[node]
fn scale(x: u64, by: u64) -> u64 {
    x * by
}

fn main() {}
