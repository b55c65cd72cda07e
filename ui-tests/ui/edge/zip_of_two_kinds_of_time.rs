//! error at: `right`
//! says: a stream whose time is

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        plain = from_iter([1_i64, 2]);
        rows = from_iter([1_i64, 2]);
        both = zip();
        rows -> event_time(|row: &i64| EventTime::from_secs(*row), bounded(1.secs())) -> both.left;
        plain -> both.right;
        both -> pairs;
        pairs = collect();
    };
}
