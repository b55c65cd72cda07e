//! error at: `limited`
//! says: `words` carries `&str`, but `limited` takes `f64`

use streamweave::prelude::*;

#[node]
fn limit(x: f64, #[param] most: f64) -> f64 {
    x.min(most)
}

fn main() {
    let _ = graph! {
        words = from_iter(["warp", "weft"]);
        limited = limit(3.0);
        words -> limited -> numbers;
        numbers = collect();
    };
}
