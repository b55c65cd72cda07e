//! error at: `pairwise`
//! says: rows of type `Ticket` cannot be cloned

use streamweave::prelude::*;

#[derive(Debug)]
struct Ticket(u64);

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> map(Ticket) -> pairwise() -> all;
        all = collect();
    };
}
