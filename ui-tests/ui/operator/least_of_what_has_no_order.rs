//! error at: `running_min`
//! says: `City` has no order

use streamweave::prelude::*;

#[derive(Clone, Debug)]
struct City(String);

fn main() {
    let _ = graph! {
        names = from_iter(["Oslo".to_owned(), "Bergen".to_owned()]);
        names -> map(City) -> running_min() -> first;
        first = collect();
    };
}
