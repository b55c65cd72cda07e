//! error at: `left`
//! says: rows of type `Order` cannot be cloned

use streamweave::prelude::*;

struct Order(u64);

fn main() {
    let _ = graph! {
        orders = from_iter([Order(1)]);
        payments = from_iter([1_u64]);
        joined = join();
        orders -> key_by(|order| order.0) -> joined.left;
        payments -> key_by(|order| *order) -> joined.right;
        joined -> pairs;
        pairs = collect();
    };
}
