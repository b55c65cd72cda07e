//! error at: `others`
//! says: no arrow starts at the input `others`

use streamweave::prelude::*;

graph! {
    graph halves(numbers: u64, others: u64) -> (even: u64) {
        numbers -> filter(|n| n % 2 == 0) -> even;
    }
}

fn main() {}
