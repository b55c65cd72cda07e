//! error at: `left`
//! says: closure is expected to take 4 arguments, but it takes 3 arguments

use streamweave::operator::window::Tumbling;
use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        orders = from_iter([(1_i64, 2_u64)]);
        keyed = key_by(|row: &(i64, u64)| row.1);
        grouped = co_group(Tumbling::new(10.secs()), |_, lefts, _| lefts);
        orders -> event_time(|row| EventTime::from_secs(row.0), bounded(1.secs())) -> keyed;
        keyed -> grouped.left;
        keyed -> grouped.right;
        grouped -> rows;
        rows = collect();
    };
}
