//! error at: `String`
//! says: `rows` carries `u64`, but is declared to carry `String`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows: String = from_iter([1_u64, 2]);
        rows -> all;
        all = collect();
    };
}
