//! error at: `spawn`
//! says: `Rc<u64>` cannot be sent between threads safely

use streamweave::prelude::*;

use std::rc::Rc;

fn main() {
    let shared = Rc::new(5_u64);
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(move |n| n + *shared) -> all;
        all = collect();
    }
    .spawn();
}
