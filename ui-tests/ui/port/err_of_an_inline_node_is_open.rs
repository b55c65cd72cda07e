//! error at: `parse`
//! says: port `err` of this node is open

use streamweave::prelude::*;

#[node]
fn parse(line: &str) -> Result<u64, std::num::ParseIntError> {
    line.parse()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "two"]);
        lines -> parse -> numbers;
        numbers = collect();
    };
}
