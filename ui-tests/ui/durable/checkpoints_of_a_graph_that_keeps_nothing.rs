//! error at: `checkpoints`
//! says: the graph keeps no state: it does not say `#![durable]`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter(0..3_u64);
        rows -> all;
        all = collect();
    }
    .checkpoints(Checkpoints::in_directory("state"));
}
