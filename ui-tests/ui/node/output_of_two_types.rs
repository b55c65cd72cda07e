//! error at: `u32`
//! says: the output `out` carries another type in another method

use streamweave::prelude::*;

struct Meter {}

#[node]
impl Meter {
    fn on_a(&mut self, row: u64, out: &mut Out<u64>) {
        out.send(row);
    }

    fn on_b(&mut self, row: u32, out: &mut Out<u32>) {
        out.send(row);
    }
}

fn main() {}
