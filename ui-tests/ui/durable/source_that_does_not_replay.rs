//! error at: `rows`
//! says: a graph that is `#![durable = exactly_once]` cannot read from this source: it does not replay

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        #![durable = exactly_once]
        rows = interval(1.secs());
        rows -> all;
        all = collect();
    };
}
