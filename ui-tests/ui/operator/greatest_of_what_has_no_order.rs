//! error at: `max`
//! says: `City` has no order

use streamweave::prelude::*;

#[derive(Clone, Debug)]
struct City(String);

fn main() {
    let _ = graph! {
        names = from_iter(["Oslo".to_owned(), "Bergen".to_owned()]);
        last = max();
        names -> map(City) -> key_by(|city| city.0.len()) -> last -> lasts;
        lasts = collect();
    };
}
