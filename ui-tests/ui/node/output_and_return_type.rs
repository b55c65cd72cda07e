//! error at: `u64`
//! says: a node that has `Out` parameters sends to them and returns nothing

use streamweave::prelude::*;

#[node]
fn sort(n: u64, even: &mut Out<u64>) -> u64 {
    even.send(n);
    n
}

fn main() {}
