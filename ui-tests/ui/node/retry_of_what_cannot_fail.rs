//! error at: `retry`
//! says: these calls cannot fail

use streamweave::prelude::*;

#[node(retry = Retry::times(3))]
async fn fetch(x: u64) -> u64 {
    x
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1, 2]);
        fetched = fetch();
        numbers -> fetched -> discard;
        fetched.err -> discard;
    };
}
