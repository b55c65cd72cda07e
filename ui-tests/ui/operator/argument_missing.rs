//! error at: `scan`
//! says: this function takes 3 arguments but 2 arguments were supplied

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> scan(0) -> totals;
        totals = collect();
    };
}
