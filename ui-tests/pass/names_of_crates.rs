//! Nodes that are called as crates and modules are: names of a graph are out of the way of paths.

use streamweave::prelude::*;

#[node]
fn tokio(number: u64) -> Option<u64> {
    (number > 1).then_some(number)
}

fn main() {
    let _ = graph! {
        std = from_iter([1_u64, 2]);
        core = map(|n| n + 1);
        serde = filter(|n| *n > std::cmp::min(1, 2));
        alloc = collect();
        streamweave = collect();
        std -> core -> serde -> tokio -> alloc;
        serde -> streamweave;
    };
}
