//! error at: `per_minute`
//! says: time

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, 2_u64)]);
        per_minute = tumbling(1.minutes()).aggregate(Count::new);
        rows -> key_by(|row| row.1) -> per_minute -> panes;
        per_minute.late -> discard;
        panes = collect();
    };
}
