//! error at: `rows`
//! says: `reached.node` carries rows with the diff `i64`, but `rows` takes the diff `()`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        roots = from_iter([1_u32, 2]);
        roots -> from_start() -> start;
        start = map(|root| root);
        iterate reached {
            var node = start;
            node -> differential::distinct() -> node;
        }
        reached.node -> rows;
        rows = collect();
    };
}
