//! error at: `keep_input`
//! says: these calls cannot fail

use streamweave::prelude::*;

#[node(keep_input)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
