//! error at: `counts`
//! says: time

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([(1_i64, "a")]);
        counts = session(10.secs()).aggregate(Count::new);
        rows -> key_by(|row| row.1) -> counts;
        counts -> panes;
        counts.late -> discard;
        panes = collect();
    };
}
