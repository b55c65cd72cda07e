//! error at: `5.secs()`
//! says: `TimeDelta` is not a watermark

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_i64, 2]);
        rows -> event_time(|row| EventTime::from_secs(*row), 5.secs()) -> all;
        all = collect();
    };
}
