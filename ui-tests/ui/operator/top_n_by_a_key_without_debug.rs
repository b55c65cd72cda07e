//! error at: `top_n`
//! says: `Item` cannot be shown

use streamweave::differential::top_n;
use streamweave::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Item(u8);

fn main() {
    let _ = graph! {
        items = from_iter([Item(1), Item(2)]);
        best = top_n(3);
        items -> from_start() -> key_by(|item| *item) -> best;
        best -> discard;
    };
}
