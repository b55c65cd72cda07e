//! error at: `pasre`
//! says: cannot find function `pasre`

use streamweave::prelude::*;

#[node]
fn parse(line: &str) -> usize {
    line.len()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "two"]);
        lines -> pasre -> lengths;
        lengths = collect();
    };
}
