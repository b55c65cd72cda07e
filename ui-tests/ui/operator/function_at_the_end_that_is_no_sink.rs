//! error at: `show`
//! says: this function is not an operator: what it takes first is a `u64`

use streamweave::prelude::*;

fn show(number: u64) {
    println!("{number}");
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> show;
    };
}
