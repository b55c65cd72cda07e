//! error at: `event_time`
//! says: `timed` carries rows with the time `streamweave::time::EventTime`, but `event_time` takes the time `()`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1, 2]);
        timed = event_time(|row| EventTime::from_secs(*row), bounded(1.secs()));
        rows -> timed -> event_time(|row| EventTime::from_secs(*row), bounded(1.secs())) -> all;
        all = collect();
    };
}
