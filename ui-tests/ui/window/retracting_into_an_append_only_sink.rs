//! error at: `panes`
//! says: `counts` carries rows with the diff `i64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        counts = tumbling(10.secs()).allowed_lateness(5.secs()).retracting().aggregate(Count::new);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> key_by(|row| row.1) -> counts;
        counts -> panes;
        counts.late -> discard;
        panes = collect();
    };
}
