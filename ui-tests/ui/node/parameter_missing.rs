//! error at: `cap`
//! says: argument

use streamweave::prelude::*;

#[node]
fn cap(x: u64, #[param] most: u64) -> u64 {
    x.min(most)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> cap() -> all;
        all = collect();
    };
}
