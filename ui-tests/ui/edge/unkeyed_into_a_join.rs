//! error at: `left`
//! says: carries `(i64, u64)`, but `joined.left` takes `Keyed<

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        orders = from_iter([(1_i64, 2_u64)]);
        payments = from_iter([(1_i64, 2_u64)]);
        joined = interval_join(0.secs(), 5.secs()).left_outer();
        orders -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> joined.left;
        payments -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs()))
            -> key_by(|row| row.1) -> joined.right;
        joined -> pairs;
        pairs = collect();
    };
}
