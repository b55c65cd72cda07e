//! error at: `|n, _| *n += 1`
//! says: a fold cannot stand in windows that overlap

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        counts = sliding(10.secs(), 5.secs()).fold(|| 0, |n, _| *n += 1);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> key_by(|row| row.1) -> counts;
        counts -> panes;
        counts.late -> discard;
        panes = collect();
    };
}
