//! error at: `input`
//! says: an arrow ends at a node: write `-> all`, without a port

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> all.input;
        all = collect();
    };
}
