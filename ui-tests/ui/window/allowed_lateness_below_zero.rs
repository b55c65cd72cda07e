//! error at: `(-5).minutes()`
//! says: an allowed lateness must not be below zero

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        counts = tumbling(10.secs()).allowed_lateness((-5).minutes()).retracting().aggregate(Count::new);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> key_by(|row| row.1) -> counts;
        counts -> panes;
        counts.late -> discard;
        panes = for_each_update(|_| ());
    };
}
