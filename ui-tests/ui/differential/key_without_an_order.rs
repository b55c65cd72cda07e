//! error at: `left`
//! says: changes cannot be kept by `Colour`

use streamweave::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Colour;

graph! {
    graph offers(sellers: Update<Keyed<Colour, u32>, LogicalTime, i64>, wares: Update<Keyed<Colour, u32>, LogicalTime, i64>)
        -> (offers: Update<u32, LogicalTime, i64>)
    {
        pairs = differential::join_map(|_, seller: &u32, ware: &u32| seller + ware);
        sellers -> pairs.left;
        wares -> pairs.right;
        pairs -> offers;
    }
}

fn main() {}
