//! error at: `words`
//! says: `words` carries `&str`, but the streams beside it in this list carry `u64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        words = from_iter(["warp", "weft"]);
        [numbers, words] -> all;
        all = collect();
    };
}
