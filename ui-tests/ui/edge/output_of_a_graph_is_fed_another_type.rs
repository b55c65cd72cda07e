//! error at: `even`
//! says: `map` carries `f64`, but `even` takes `u64`

use streamweave::prelude::*;

graph! {
    graph halves(numbers: u64) -> (even: u64) {
        numbers -> map(|n| n as f64 / 2.0) -> even;
    }
}

fn main() {}
