//! error at: `mean`
//! says: `&str` cannot be summed

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        words = from_iter(["warp", "weft"]);
        words -> key_by(|word| word.len()) -> mean -> means;
        means = collect();
    };
}
