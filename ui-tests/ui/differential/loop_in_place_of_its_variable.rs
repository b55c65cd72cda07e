//! error at: `reached`
//! says: `reached` is a loop: say which of its variables or nodes leaves it

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        iterate reached {
            var node: u32 = roots;
            node -> differential::distinct() -> node;
        }
        reached -> nodes;
    }
}

fn main() {}
