//! error at: `&self`
//! says: a node function has no `self`

use streamweave::prelude::*;

struct Scale(u64);

impl Scale {
    #[node]
    fn scale(&self, x: u64) -> u64 {
        self.0 * x
    }
}

fn main() {}
