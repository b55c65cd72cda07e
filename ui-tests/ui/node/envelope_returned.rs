//! error at: `Timed<u64>`
//! says: return the value alone

use streamweave::prelude::*;

#[node]
fn next(row: Timed<u64>) -> Timed<u64> {
    row
}

fn main() {}
