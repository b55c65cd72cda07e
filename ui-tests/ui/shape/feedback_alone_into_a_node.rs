//! error at: `again`
//! says: only this arrow ends at `again`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        cents = from_iter([1_u32, 200]);
        halved = map(|n: u32| n / 2);
        again = map(|n: u32| n);
        again -> halved;
        cents -> discard;
        #[feedback(16, drop_newest)]
        halved -> again;
    };
}
