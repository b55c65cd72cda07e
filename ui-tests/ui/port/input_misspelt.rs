//! error at: `rigth`
//! says: no field `rigth`

use streamweave::prelude::*;

graph! {
    graph both(left: u64, right: u64) -> (out: u64) {
        [left, right] -> out;
    }
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64]);
        others = from_iter([1_u64]);
        pairs = both();
        numbers -> pairs.left;
        others -> pairs.rigth;
        pairs -> discard;
    };
}
