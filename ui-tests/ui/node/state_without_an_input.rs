//! error at: `Meter`
//! says: `Meter` has no input

use streamweave::prelude::*;

struct Meter;

#[node]
impl Meter {
    fn rows(&mut self, _row: u64) {}
}

fn main() {}
