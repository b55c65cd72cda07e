//! error at: `async_map`
//! says: `i64` is not a future

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_i64, 2]);
        numbers -> async_map(|n| n + 1) -> all;
        all = collect();
    };
}
