//! error at: `doubled`
//! says: port `out` of this node is open

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        doubled = map(|n| 2 * n);
        numbers -> doubled;
    };
}
