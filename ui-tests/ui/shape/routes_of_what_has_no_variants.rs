//! error at: `{`
//! says: `u32` has no variants to route by

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        cents -> { Card => discard };
    };
}
