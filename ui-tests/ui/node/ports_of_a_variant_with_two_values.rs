//! error at: `(u32, u32)`
//! says: a port carries one value

use streamweave::prelude::*;

#[derive(Ports)]
enum Payment {
    _Card(u32, u32),
}

fn main() {}
