//! error at: `all`
//! says: `all` is fed by `odd` already; to feed it from both write `[odd, even] -> all`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        odd = from_iter([1_u64, 3]);
        even = from_iter([2_u64, 4]);
        odd -> all;
        even -> all;
        all = collect();
    };
}
