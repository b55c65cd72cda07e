//! error at: `map`
//! says: closure is expected to take 1 argument

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(|a, b| a + b) -> sums;
        sums = collect();
    };
}
