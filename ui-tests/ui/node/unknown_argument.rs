//! error at: `try`
//! says: expected `map`, `filter_map`, `flat_map`, `try_map`

use streamweave::prelude::*;

#[node(try)]
fn parse(line: &str) -> Result<u64, std::num::ParseIntError> {
    line.parse()
}

fn main() {}
