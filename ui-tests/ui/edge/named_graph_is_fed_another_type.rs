//! error at: `halved`
//! says: `texts` carries `&str`, but `halved` takes `u64`

use streamweave::prelude::*;

graph! {
    graph halves(numbers: u64) -> (even: u64) {
        numbers -> filter(|n| n % 2 == 0) -> even;
    }
}

fn main() {
    let _ = graph! {
        texts = from_iter(["a"]);
        halved = halves();
        texts -> halved;
        halved.even -> discard;
    };
}
