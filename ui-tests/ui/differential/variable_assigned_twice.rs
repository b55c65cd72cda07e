//! error at: `node`
//! says: `node` is assigned already

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        iterate reached {
            var node: u32 = roots;
            node -> differential::distinct() -> node;
            roots -> node;
        }
        reached.node -> nodes;
    }
}

fn main() {}
