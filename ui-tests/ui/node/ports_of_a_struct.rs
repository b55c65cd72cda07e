//! error at: `Payment`
//! says: `Ports` is derived for an enum

use streamweave::prelude::*;

#[derive(Ports)]
struct Payment {
    _cents: u32,
}

fn main() {}
