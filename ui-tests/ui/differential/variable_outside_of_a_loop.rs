//! error at: `node`
//! says: `var` declares a variable of a loop

use streamweave::prelude::*;

graph! {
    graph reach(roots: Update<u32, LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        var node: u32 = roots;
        roots -> nodes;
    }
}

fn main() {}
