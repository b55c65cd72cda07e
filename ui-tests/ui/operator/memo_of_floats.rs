//! error at: `memo`
//! says: `{float}` cannot be a key

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([2.5, 1.0]);
        numbers -> memo(9, |number| number * 2.0) -> doubled;
        doubled = collect();
    };
}
