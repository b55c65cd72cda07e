//! error at: `running_count`
//! says: `to_changes` carries rows with the diff `i64`, but `running_count` takes the diff `()`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter([1_u64, 2]);
        rows -> from_start() -> to_changes() -> running_count() -> counts;
        counts = collect();
    };
}
