//! error at: `feedback`
//! says: this arrow closes no circle

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        others = from_iter([3_u32]);
        halved = map(|n: u32| n / 2);
        cents -> halved -> discard;
        #[feedback(16, drop_newest)]
        others -> halved;
    };
}
