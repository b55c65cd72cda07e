//! error at: `node`
//! says: say what `node` carries, or what it begins as

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        iterate reached {
            var node;
            [roots, node] -> differential::distinct() -> node;
        }
        reached.node -> nodes;
    }
}

fn main() {}
