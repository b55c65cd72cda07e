//! error at: `explode`
//! says: expected how many rows may wait and what becomes of more

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        #[cap(16, explode)]
        cents -> discard;
    };
}
