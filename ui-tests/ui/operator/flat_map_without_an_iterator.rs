//! error at: `flat_map`
//! says: `u64` is not an iterator

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> flat_map(|n| n) -> items;
        items = collect();
    };
}
