//! error at: `Ticket`
//! says: a call takes its input, and `Ticket` cannot be cloned

use streamweave::prelude::*;

struct Ticket(u64);

#[node(retry = Retry::times(3))]
async fn book(ticket: Ticket) -> Result<u64, String> {
    Ok(ticket.0)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1, 2]);
        booked = book();
        numbers -> map(Ticket) -> booked -> discard;
        booked.err -> discard;
    };
}
