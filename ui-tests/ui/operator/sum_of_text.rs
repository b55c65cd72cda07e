//! error at: `running_sum`
//! says: `&str` cannot be summed

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        words = from_iter(["warp", "weft"]);
        words -> running_sum() -> total;
        total = collect();
    };
}
