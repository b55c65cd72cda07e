//! error at: `[`
//! says: a list of nodes can only begin or end a chain

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> [odd, even] -> all;
        odd = filter(|n| n % 2 == 1);
        even = filter(|n| n % 2 == 0);
        all = collect();
    };
}
