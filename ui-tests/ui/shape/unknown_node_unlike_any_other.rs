//! error at: `words`
//! says: this graph has no node `words`; define it

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> all;
        words -> discard;
        all = collect();
    };
}
