//! error at: `5`
//! says: expected a function that takes `u64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(5) -> all;
        all = collect();
    };
}
