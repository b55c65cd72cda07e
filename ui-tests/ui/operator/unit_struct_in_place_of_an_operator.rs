//! error at: `Empty`
//! says: expected function, found `Empty`

use streamweave::prelude::*;

struct Empty;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> Empty -> all;
        all = collect();
    };
}
