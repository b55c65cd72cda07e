//! error at: `dedup`
//! says: rows of type `Reading` cannot be compared

use streamweave::prelude::*;

#[derive(Clone, Debug)]
struct Reading(f64);

fn main() {
    let _ = graph! {
        values = from_iter([20.5, 21.0]);
        values -> map(Reading) -> dedup() -> all;
        all = collect();
    };
}
