//! error at: `feedback`
//! says: `feedback` is reserved

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        #[feedback(16)]
        cents -> discard;
    };
}
