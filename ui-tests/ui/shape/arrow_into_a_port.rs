//! error at: `input`
//! says: cannot find module or crate `collect`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> all.input;
        all = collect();
    };
}
