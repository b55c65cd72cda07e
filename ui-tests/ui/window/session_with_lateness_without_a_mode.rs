//! error at: `aggregate`
//! says: these sessions can change after they have fired

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        counts = session(10.secs()).allowed_lateness(5.secs()).aggregate(Count::new);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> key_by(|row| row.1) -> counts;
        counts -> panes;
        counts.late -> discard;
        panes = collect();
    };
}
