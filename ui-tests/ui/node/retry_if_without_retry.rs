//! error at: `retry_if`
//! says: `retry_if` says which failures are worth another call

use streamweave::prelude::*;

#[node(retry_if = |error| error != "gone")]
async fn fetch(x: u64) -> Result<u64, String> {
    Ok(x)
}

fn main() {}
