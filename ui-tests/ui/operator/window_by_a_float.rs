//! error at: `key_by`
//! says: `f64` cannot be a key

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_i64, 2]);
        per_minute = tumbling(1.minutes()).aggregate(Count::new);
        rows -> event_time(|row| EventTime::from_secs(*row), bounded(1.secs()))
            -> key_by(|row| *row as f64) -> per_minute -> panes;
        per_minute.late -> discard;
        panes = collect();
    };
}
