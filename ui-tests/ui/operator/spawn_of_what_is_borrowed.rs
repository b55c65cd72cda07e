//! error at: `|n|`
//! says: closure may outlive the current function, but it borrows `text`

use streamweave::prelude::*;

fn main() {
    let text = String::new();
    let graph = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(|n| (n, text.len())) -> pairs;
        pairs = collect();
    };
    let _ = graph.spawn();
}
