//! error at: `more`
//! says: no arrow ends at `more`, and a source stands outside of the loop `reached`

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        iterate reached {
            var node: u32 = roots;
            more = from_iter(0..10);
            [node, more] -> differential::distinct() -> node;
        }
        reached.node -> nodes;
    }
}

fn main() {}
