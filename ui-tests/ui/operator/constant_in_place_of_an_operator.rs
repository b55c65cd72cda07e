//! error at: `[1, 2]`
//! says: is not an operator, or not a finished one

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = [1, 2];
        numbers -> all;
        all = collect();
    };
}
