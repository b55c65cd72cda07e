//! error at: `key_by`
//! says: `City` cannot be a key

use streamweave::prelude::*;

#[derive(Clone, Debug)]
struct City(String);

fn main() {
    let _ = graph! {
        names = from_iter(["Oslo", "Bergen"]);
        names -> key_by(|name| City((*name).to_owned())) -> count() -> counts;
        counts = collect();
    };
}
