//! error at: `tumbling`
//! says: is not an operator, or not a finished one

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_i64, 2]);
        per_minute = tumbling(1.minutes());
        rows -> event_time(|row| EventTime::from_secs(*row), bounded(1.secs()))
            -> key_by(|row| *row) -> per_minute -> panes;
        panes = collect();
    };
}
