//! error at: `reached`
//! says: port `incomplete` of this node is open

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        #[max_rounds(5), on_limit = return]
        iterate reached {
            var node: u32 = roots;
            node -> differential::distinct() -> node;
        }
        reached.node -> nodes;
    }
}

fn main() {}
