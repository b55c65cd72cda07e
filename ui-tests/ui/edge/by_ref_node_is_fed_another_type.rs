//! error at: `parse`
//! says: `numbers` carries `u64`, but `parse` takes `str`

use streamweave::prelude::*;

#[node]
fn parse(line: &str) -> usize {
    line.len()
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> parse -> lengths;
        lengths = collect();
    };
}
