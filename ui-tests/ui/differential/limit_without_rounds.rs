//! error at: `on_limit`
//! says: `on_limit` says what happens at `max_rounds(..)`

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        #[on_limit = return]
        iterate reached {
            var node: u32 = roots;
            node -> differential::distinct() -> node;
        }
        reached.node -> nodes;
    }
}

fn main() {}
