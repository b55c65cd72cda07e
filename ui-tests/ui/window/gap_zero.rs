//! error at: `0.minutes()`
//! says: the gap of a session must be above zero

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> key_by(|row| row.1)
            -> session(0.minutes()).aggregate(Count::new) -> counts;
        counts = collect();
    };
}
