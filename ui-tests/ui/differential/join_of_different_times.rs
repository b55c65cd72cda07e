//! error at: `right`
//! says: `wares` carries rows with the time `streamweave::time::LogicalTime`, but `pairs.right` takes the time `streamweave::time::EventTime`

use streamweave::prelude::*;

graph! {
    graph offers(sellers: Update<Keyed<u32, u32>, EventTime, i64>, wares: Update<Keyed<u32, u32>, LogicalTime, i64>)
        -> (offers: Update<Keyed<u32, (u32, u32)>, EventTime, i64>)
    {
        pairs = differential::join();
        sellers -> pairs.left;
        wares -> pairs.right;
        pairs -> offers;
    }
}

fn main() {}
