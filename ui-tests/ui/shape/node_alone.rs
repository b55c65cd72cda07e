//! error at: `idle`
//! says: `idle` stands alone

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        idle = from_iter([3_u64, 4]);
        numbers -> all;
        all = collect();
    };
}
