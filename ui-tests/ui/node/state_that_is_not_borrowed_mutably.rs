//! error at: `on_rows`
//! says: `on_rows` takes `&mut self`

use streamweave::prelude::*;

struct Meter {}

#[node]
impl Meter {
    fn on_rows(&self, _row: u64, _out: &mut Out<u64>) {}
}

fn main() {}
