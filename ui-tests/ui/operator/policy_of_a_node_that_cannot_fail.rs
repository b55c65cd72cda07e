//! error at: `skip`
//! says: no field `err`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64]);
        #[on_error(skip)]
        next = map(|n| n + 1);
        numbers -> next -> discard;
    };
}
