//! error at: `printed`
//! says: a graph that is `#![durable = exactly_once]` cannot write to this sink: it can neither commit nor deduplicate

use streamweave::lines;
use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        #![durable = exactly_once]
        rows = from_iter(0..3_u64);
        rows -> printed;
        printed = lines::write(stdout());
    };
}
