//! error at: `running_sum`
//! says: this node cannot go on behind a panic

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        #[on_panic(skip)]
        total = running_sum();
        cents -> total -> discard;
    };
}
