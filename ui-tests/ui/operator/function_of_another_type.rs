//! error at: `str::len`
//! says: expected a function that takes `u64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(str::len) -> lengths;
        lengths = collect();
    };
}
