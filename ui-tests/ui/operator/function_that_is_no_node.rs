//! error at: `lengths`
//! says: this function is not an operator: what it takes first is a `&str`

use streamweave::prelude::*;

fn length(line: &str, scale: usize) -> usize {
    line.len() * scale
}

fn main() {
    let _ = graph! {
        lines = from_iter(["warp", "weft"]);
        lengths = length(2);
        lines -> lengths -> all;
        all = collect();
    };
}
