//! error at: `retain`
//! says: expected `name = ".."`, `was = ".."` or `on_error(..)` on a node

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        #[retain]
        cents = from_iter([1_u32, 200]);
        cents -> discard;
    };
}
