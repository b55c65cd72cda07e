//! error at: `shout`
//! says: `parsed.err` carries `streamweave::envelope::Failed<&str, ParseIntError>`, but `shout` takes `String`

use std::num::ParseIntError;
use streamweave::prelude::*;

#[node]
fn parse(line: &str) -> Result<u64, ParseIntError> {
    line.parse()
}

#[node]
fn shout(text: String) -> String {
    text.to_uppercase()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "two"]);
        parsed = parse();
        lines -> parsed -> numbers;
        parsed.err -> shout -> bad;
        numbers = collect();
        bad = collect();
    };
}
