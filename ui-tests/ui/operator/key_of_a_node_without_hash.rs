//! error at: `count`
//! says: `f64` cannot be a key

use streamweave::prelude::*;

use streamweave::envelope::Keyed;

#[node]
fn keyed(value: f64) -> Keyed<f64, f64> {
    Keyed { key: value, value }
}

fn main() {
    let _ = graph! {
        rows = from_iter([1.5, 2.5]);
        rows -> keyed -> count() -> counts;
        counts = collect();
    };
}
