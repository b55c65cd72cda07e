//! error at: `Counter`
//! says: state is found again by the names of its fields: give them names

use streamweave::prelude::*;

#[derive(State)]
struct Counter(#[state] u64);

fn main() {
    let _ = Counter(0);
}
