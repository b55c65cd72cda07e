//! error at: `block`
//! says: a circle cannot `block`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        halved = map(|n: u32| n / 2);
        cents -> halved;
        #[feedback(16, block)]
        halved -> halved;
    };
}
