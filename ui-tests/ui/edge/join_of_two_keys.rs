//! error at: `right`
//! says: carries `Keyed<&str, (&str, u64)>`, but `joined.right` takes `Keyed<u64,

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        orders = from_iter([(1_u64, 2_u64)]);
        names = from_iter([("ada", 1_u64)]);
        joined = enrich().left_outer();
        orders -> key_by(|row| row.0) -> joined.left;
        names -> key_by(|row| row.0) -> joined.right;
        joined -> rows;
        rows = collect();
    };
}
