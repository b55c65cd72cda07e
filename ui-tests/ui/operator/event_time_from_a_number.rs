//! error at: `event_time`
//! says: event time cannot be read from `i64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_i64, 2]);
        rows -> event_time(|row| *row, bounded(1.secs())) -> all;
        all = collect();
    };
}
