//! error at: `Range`
//! says: the state of this node, `Range`, cannot be saved

use streamweave::prelude::*;

struct Range {
    low: i64,
    high: i64,
}

#[derive(State)]
struct Known {
    #[state]
    range: Range,
}

fn main() {
    let known = Known { range: Range { low: 0, high: 1 } };
    println!("{} {}", known.range.low, known.range.high);
}
