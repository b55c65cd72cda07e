//! error at: `lenghts`
//! says: no node is called `lenghts`, and `lengths` stands alone; did you mean `lengths`?

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "two"]);
        lines -> map(str::len) -> lenghts;
        lengths = collect();
    };
}
