//! error at: `event_time`
//! says: argument

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_i64, 2]);
        rows -> event_time(|row| EventTime::from_secs(*row)) -> all;
        all = collect();
    };
}
