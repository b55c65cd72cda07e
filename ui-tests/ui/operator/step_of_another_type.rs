//! error at: `|total: &mut u64, text: &str| *total += text.len() as u64`
//! says: expected a function that takes `&mut u64` and `u64`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> running_fold(0_u64, |total: &mut u64, text: &str| *total += text.len() as u64) -> totals;
        totals = collect();
    };
}
