//! error at: `counts`
//! says: `counts` takes `Keyed<_, _>`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        counts = sliding(10.secs(), 5.secs()).aggregate(Count::new);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> counts;
        counts -> panes;
        counts.late -> discard;
        panes = collect();
    };
}
