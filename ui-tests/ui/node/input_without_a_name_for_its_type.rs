//! error at: `impl ToString`
//! says: name the type of the input

use streamweave::prelude::*;

#[node]
fn show(x: impl ToString) -> String {
    x.to_string()
}

fn main() {}
