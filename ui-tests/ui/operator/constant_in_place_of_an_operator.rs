//! error at: `[1, 2]`
//! says: this is not a finished operator

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = [1, 2];
        numbers -> all;
        all = collect();
    };
}
