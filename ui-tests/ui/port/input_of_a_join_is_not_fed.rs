//! error at: `joined`
//! says: input `right` of this node is not connected

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        orders = from_iter([(1_u64, 2_u64)]);
        joined = join();
        orders -> key_by(|row| row.0) -> joined.left;
        joined -> pairs;
        pairs = collect();
    };
}
