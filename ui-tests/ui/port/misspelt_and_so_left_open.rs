//! error at: `error`
//! says: no field `error`

use streamweave::prelude::*;

#[node]
fn parse(line: &str) -> Result<u64, std::num::ParseIntError> {
    line.parse()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "two"]);
        parsed = parse();
        lines -> parsed -> numbers;
        parsed.error -> discard;
        numbers = collect();
    };
}
