//! error at: `count`
//! says: `words` carries `&str`, but `count` takes `Keyed<

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        words = from_iter(["warp", "weft"]);
        words -> count() -> counts;
        counts = collect();
    };
}
