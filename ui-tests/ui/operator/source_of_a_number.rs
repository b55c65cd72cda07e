//! error at: `5`
//! says: `{integer}` is not an iterator

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter(5);
        numbers -> map(|n| n) -> all;
        all = collect();
    };
}
