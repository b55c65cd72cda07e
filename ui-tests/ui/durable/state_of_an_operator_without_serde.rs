//! error at: `latest`
//! says: `Reading` cannot be saved, and the graph is `#![durable]`

use streamweave::prelude::*;

#[derive(Clone)]
struct Reading {
    celsius: f64,
}

fn main() {
    let _ = graph! {
        #![durable]
        numbers = from_iter([1.0, 2.0]);
        numbers -> map(|celsius: f64| Reading { celsius }) -> inspect(|reading| println!("{}", reading.celsius)) -> latest;
        latest = last();
    };
}
