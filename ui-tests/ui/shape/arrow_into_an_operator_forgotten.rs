//! error at: `map`
//! says: this function takes 2 arguments but 1 argument was supplied

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        doubled = map(|n| 2 * n);
        numbers -> discard;
        doubled -> all;
        all = collect();
    };
}
