//! error at: `tripled`
//! says: the graph runs in a circle

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        doubled = map(|n: u64| 2 * n);
        tripled = map(|n: u64| 3 * n);
        doubled -> tripled -> doubled;
    };
}
