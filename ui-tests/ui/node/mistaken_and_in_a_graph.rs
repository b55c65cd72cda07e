//! error at: `b: T`
//! says: a node has one input; mark what configures it with `#[param]`

use streamweave::prelude::*;

#[node]
fn add<T: std::ops::Add<Output = T>>(a: T, b: T, #[param] _times: u64) -> T {
    a + b
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        sums = add::<u64>(3);
        numbers -> sums -> map(|n| n + 1) -> all;
        all = collect();
    };
}
