//! error at: `late`
//! says: no field `late` on type `SinkWithoutOutputs`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> all;
        all.late -> discard;
        all = collect();
    };
}
