//! error at: `n + 1`
//! says: mismatched types

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> filter_map(|n| n + 1) -> all;
        all = collect();
    };
}
