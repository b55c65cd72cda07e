//! error at: `retain`
//! says: expected `name = ".."`, `was = ".."`, `on_error(..)` or `on_panic(..)` on a node

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        #[retain]
        cents = from_iter([1_u32, 200]);
        cents -> discard;
    };
}
