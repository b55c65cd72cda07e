//! error at: `keep_input`
//! says: `keep_input` is for nodes that can fail

use streamweave::prelude::*;

#[node(keep_input)]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {}
