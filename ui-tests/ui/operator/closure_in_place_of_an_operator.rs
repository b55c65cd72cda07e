//! error at: `double`
//! says: this function is not an operator: what it takes first is a `u64`

use streamweave::prelude::*;

fn main() {
    let double = |n: u64| 2 * n;
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> double -> all;
        all = collect();
    };
}
