//! error at: `sort_by_key`
//! says: rows cannot be sorted by `{float}`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        prices = from_iter([2.5, 1.0]);
        sorted = sort_by_key(|price| *price);
        prices -> sorted -> ascending;
        sorted.late -> discard;
        ascending = collect();
    };
}
