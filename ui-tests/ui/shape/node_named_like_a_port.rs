//! error at: `even`
//! says: `even` is a port of this graph already

use streamweave::prelude::*;

graph! {
    graph halves(numbers: u64) -> (even: u64) {
        even = filter(|n| n % 2 == 0);
        numbers -> even;
    }
}

fn main() {}
