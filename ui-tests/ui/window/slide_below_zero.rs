//! error at: `-5.secs()`
//! says: the slide of a window must be above zero

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        counts = sliding(10.secs(), -5.secs()).aggregate(Count::new);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> key_by(|row| row.1) -> counts;
        counts -> panes;
        counts.late -> discard;
        panes = collect();
    };
}
