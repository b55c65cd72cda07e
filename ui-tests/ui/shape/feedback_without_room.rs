//! error at: `feedback`
//! says: expected how many rows may wait to go round

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        halved = map(|n: u32| n / 2);
        cents -> halved;
        #[feedback]
        halved -> halved;
    };
}
