//! error at: `right`
//! says: `texts` carries `&str`, but `pairs.right` takes `u64`

use streamweave::prelude::*;

graph! {
    graph both(left: u64, right: u64) -> (out: u64) {
        [left, right] -> out;
    }
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64]);
        texts = from_iter(["a"]);
        pairs = both();
        numbers -> pairs.left;
        texts -> pairs.right;
        pairs -> discard;
    };
}
