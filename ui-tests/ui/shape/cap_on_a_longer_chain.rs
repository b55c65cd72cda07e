//! error at: `cap`
//! says: this chain has 2 arrows

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        #[cap(16)]
        cents -> map(|x| x + 1) -> discard;
    };
}
