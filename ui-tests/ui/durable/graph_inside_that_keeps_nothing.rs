//! error at: `summed`
//! says: the graph keeps no state: it does not say `#![durable]`

use streamweave::prelude::*;

graph! {
    graph sums(rows: u64) -> (sums: u64) {
        rows -> running_count() -> sums;
    }
}

fn main() {
    let _ = graph! {
        #![durable]
        rows = from_iter(0..3_u64);
        summed = sums();
        rows -> summed;
        summed.sums -> all;
        all = collect();
    };
}
