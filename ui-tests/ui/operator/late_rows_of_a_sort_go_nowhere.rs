//! error at: `sorted`
//! says: late

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([2, 1]);
        sorted = sort();
        numbers -> sorted -> ascending;
        ascending = collect();
    };
}
