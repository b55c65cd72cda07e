//! error at: `count`
//! says: a stream whose time is `()` cannot be worked on time by time

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        words = from_iter(["a", "b", "a"]);
        counts = differential::count();
        words -> key_by(|word| *word) -> counts;
        counts -> to_log() -> rows;
        rows = collect();
    };
}
