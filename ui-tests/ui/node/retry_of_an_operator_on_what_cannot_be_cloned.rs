//! error at: `async_try_map(book)`
//! says: a call takes its input, and `Ticket` cannot be cloned

use streamweave::prelude::*;

struct Ticket(u64);

async fn book(ticket: Ticket) -> Result<u64, String> {
    Ok(ticket.0)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1, 2]);
        booked = async_try_map(book).retry(Retry::times(3));
        numbers -> map(Ticket) -> booked -> discard;
        booked.err -> discard;
    };
}
