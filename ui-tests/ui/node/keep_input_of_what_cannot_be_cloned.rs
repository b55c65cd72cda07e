//! error at: `Ticket`
//! says: a call takes its input, and `Ticket` cannot be cloned

use streamweave::prelude::*;

struct Ticket(u64);

#[node(keep_input)]
async fn book(ticket: Ticket) -> Result<u64, String> {
    Ok(ticket.0)
}

fn main() {}
