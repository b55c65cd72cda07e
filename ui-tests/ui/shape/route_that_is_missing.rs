//! error at: `{`
//! says: port `Cash` of this node is open

use streamweave::prelude::*;

#[derive(Clone, Debug, Ports)]
enum Payment {
    Card(u32),
    Cash(u32),
}

#[node]
fn classify(cents: u32) -> Payment {
    if cents > 100 { Payment::Card(cents) } else { Payment::Cash(cents) }
}

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        cents -> classify -> { Card => discard };
    };
}
