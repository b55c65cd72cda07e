//! error at: `spawn`
//! says: `Rc<u64>` cannot be sent between threads safely

use std::rc::Rc;
use streamweave::prelude::*;

fn main() {
    let factor = Rc::new(3_u64);
    let graph = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(move |n| n * *factor) -> products;
        products = collect();
    };
    let _ = graph.spawn();
}
