//! error at: `Budget`
//! says: Clone

use streamweave::prelude::*;

struct Budget(u64);

#[node]
fn cap(x: u64, #[param] budget: Budget) -> u64 {
    x.min(budget.0)
}

fn main() {}
