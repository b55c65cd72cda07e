//! error at: `|text: &str| text.is_empty()`
//! says: expected a function that takes `&u64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> filter(|text: &str| text.is_empty()) -> empty;
        empty = collect();
    };
}
