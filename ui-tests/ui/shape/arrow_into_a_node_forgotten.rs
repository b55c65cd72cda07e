//! error at: `double`
//! says: this function takes 1 argument but 0 arguments were supplied

use streamweave::prelude::*;

#[node]
fn double(n: u64) -> u64 {
    2 * n
}

fn main() {
    let _ = graph! {
        doubled = double();
        doubled -> all;
        all = collect();
    };
}
