//! error at: `distinct`
//! says: `f64` cannot be a key

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        values = from_iter([20.5_f64, 21.0]);
        values -> distinct -> all;
        all = collect();
    };
}
