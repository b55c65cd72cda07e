//! error at: `all`
//! says: expected `;`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> all;
        rest = discard()
        all = collect();
    };
}
