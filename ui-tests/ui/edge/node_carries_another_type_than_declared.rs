//! error at: `String`
//! says: mismatched types

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows: String = from_iter([1_u64, 2]);
        rows -> all;
        all = collect();
    };
}
