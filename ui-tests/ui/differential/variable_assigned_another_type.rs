//! error at: `node`
//! says: `map` carries `String`, but `node` takes `u32`

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        iterate reached {
            var node: u32 = roots;
            node -> map(|node| node.to_string()) -> node;
        }
        reached.node -> nodes;
    }
}

fn main() {}
