//! error at: `read`
//! says: type annotations needed

use std::str::FromStr;

use streamweave::prelude::*;

#[node]
fn read<T: FromStr>(line: &str) -> Option<T> {
    line.parse().ok()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "two"]);
        lines -> read -> numbers;
        numbers = collect();
    };
}
