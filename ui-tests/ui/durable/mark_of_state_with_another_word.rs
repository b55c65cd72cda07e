//! error at: `is`
//! says: expected `#[state]` or `#[state(was = "old_name")]`

use streamweave::prelude::*;

#[derive(State)]
struct Counter {
    #[state(is = "count")]
    rows: u64,
}

fn main() {
    let _ = Counter { rows: 0 };
}
