//! error at: `|text: &str| text.len()`
//! says: expected a function that takes `u64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(|text: &str| text.len()) -> lengths;
        lengths = collect();
    };
}
