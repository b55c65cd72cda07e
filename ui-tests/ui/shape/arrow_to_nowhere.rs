//! error at: `->`
//! says: expected a node or an operator beside this arrow

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> ;
    };
}
