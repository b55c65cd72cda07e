//! error at: `at_most_once`
//! says: expected `#![durable]` or `#![durable = exactly_once]`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        #![durable = at_most_once]
        rows = from_iter(0..3_u64);
        rows -> all;
        all = collect();
    };
}
