//! error at: `nubmers`
//! says: this graph has no node `nubmers`; did you mean `numbers`?

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> all;
        nubmers -> discard;
        all = collect();
    };
}
