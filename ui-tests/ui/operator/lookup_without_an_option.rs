//! error at: `lookup`
//! says: type mismatch resolving

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1, 2]);
        joined = lookup(async |number: i32| Ok::<_, String>(number + 1));
        numbers -> key_by(|number| *number) -> joined -> discard;
        joined.err -> discard;
    };
}
