//! error at: `pairs`
//! says: input `right` of this node is not connected

use streamweave::prelude::*;

graph! {
    graph both(left: u64, right: u64) -> (out: u64) {
        [left, right] -> out;
    }
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64]);
        pairs = both();
        numbers -> pairs.left;
        pairs -> discard;
    };
}
