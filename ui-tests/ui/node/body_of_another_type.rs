//! error at: `line.len()`
//! says: mismatched types

use streamweave::prelude::*;

#[node]
fn length(line: &str) -> u64 {
    line.len()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["warp"]);
        lines -> length -> all;
        all = collect();
    };
}
