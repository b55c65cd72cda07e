//! error at: `nodes`
//! says: `nodes` stands outside of the loop

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        iterate reached {
            var node: u32 = roots;
            step = differential::distinct();
            node -> step -> node;
            step -> nodes;
        }
    }
}

fn main() {}
