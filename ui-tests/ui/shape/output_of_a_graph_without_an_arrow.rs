//! error at: `odd`
//! says: no arrow ends at the output `odd`

use streamweave::prelude::*;

graph! {
    graph halves(numbers: u64) -> (even: u64, odd: u64) {
        numbers -> filter(|n| n % 2 == 0) -> even;
    }
}

fn main() {
    // What uses the graph goes on to compile.
    let mut halves = halves::harness();
    halves.inputs.numbers.send(4);
    let _: Vec<u64> = halves.outputs.even.take();
}
