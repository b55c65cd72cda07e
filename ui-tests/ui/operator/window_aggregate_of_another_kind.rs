//! error at: `aggregate`
//! says: `{integer}` does not aggregate values of type `i64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_i64, 2]);
        per_minute = tumbling(1.minutes()).aggregate(|| 0);
        rows -> event_time(|row| EventTime::from_secs(*row), bounded(1.secs()))
            -> key_by(|row| *row) -> per_minute -> panes;
        per_minute.late -> discard;
        panes = collect();
    };
}
