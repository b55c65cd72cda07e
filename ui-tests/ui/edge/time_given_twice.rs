//! error at: `event_time`
//! says: a stream whose time is `streamweave::time::EventTime` cannot flow where `()` is needed

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1, 2]);
        timed = event_time(|row| EventTime::from_secs(*row), bounded(1.secs()));
        rows -> timed -> event_time(|row| EventTime::from_secs(*row), bounded(1.secs())) -> all;
        all = collect();
    };
}
