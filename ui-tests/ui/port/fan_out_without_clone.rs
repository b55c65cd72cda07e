//! error at: `tickets`
//! says: `Ticket` goes along several arrows, but cannot be cloned

use streamweave::prelude::*;

#[derive(Debug)]
struct Ticket(u64);

fn main() {
    let _ = graph! {
        tickets = from_iter([Ticket(1)]);
        tickets -> map(|ticket| ticket.0) -> numbers;
        tickets -> all;
        numbers = collect();
        all = collect();
    };
}
