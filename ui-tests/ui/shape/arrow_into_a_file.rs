//! error at: `read`
//! says: this function takes 1 argument but 2 arguments were supplied

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> streamweave::lines::read("notes.txt") -> all;
        all = collect();
    };
}
