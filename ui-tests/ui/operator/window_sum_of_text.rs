//! error at: `aggregate`
//! says: does not aggregate values of type `String`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_i64, 2]);
        per_minute = tumbling(1.minutes()).aggregate(Sum::new);
        rows -> event_time(|row| EventTime::from_secs(*row), bounded(1.secs()))
            -> map(|row| row.to_string()) -> key_by(String::len) -> per_minute -> panes;
        per_minute.late -> discard;
        panes = collect();
    };
}
