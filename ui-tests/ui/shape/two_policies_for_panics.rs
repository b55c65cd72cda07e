//! error at: `on_panic`
//! says: a node says once what becomes of rows at which it panics

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        #[on_panic(skip)]
        #[on_panic(stop)]
        halves = map(|cents| cents / 2);
        cents -> halves -> discard;
    };
}
