//! error at: `numbers`
//! says: the name `numbers` is given to two nodes

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers = from_iter([3_u64, 4]);
        numbers -> all;
        all = collect();
    };
}
