//! error at: `n % 2`
//! says: mismatched types

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> filter(|n| n % 2) -> odd;
        odd = collect();
    };
}
