//! error at: `all`
//! says: no field `out` on type `SinkWithoutOutputs`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> all;
        all -> map(|n| n + 1) -> more;
        all = collect();
        more = collect();
    };
}
