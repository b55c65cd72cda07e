//! error at: `node`
//! says: the variable `node` is never assigned

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        iterate reached {
            var node: u32 = roots;
            node -> differential::distinct() -> discard;
        }
        reached.node -> nodes;
    }
}

fn main() {}
