//! error at: `per_minute`
//! says: carries `(i64, u64)`, but `per_minute` takes `Keyed<

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, 2_u64)]);
        per_minute = tumbling(1.minutes()).aggregate(Count::new);
        rows -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> per_minute -> panes;
        per_minute.late -> discard;
        panes = collect();
    };
}
