//! error at: `lengths`
//! says: `lengths` stands alone

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "two"]);
        lines -> map(str::len) -> lenghts;
        lengths = collect();
    };
}
