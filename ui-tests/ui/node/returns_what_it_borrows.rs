//! error at: `&str`
//! says: a node cannot return what it borrows from its row: return an owned value

use streamweave::prelude::*;

#[node]
fn trimmed(line: &str) -> &str {
    line.trim()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["warp ", "weft"]);
        lines -> trimmed -> map(|line| line.len()) -> all;
        all = collect();
    };
}
