//! error at: `lookup`
//! says: rows of type `Answer` cannot be cloned

use streamweave::prelude::*;

struct Answer;

fn main() {
    let _ = graph! {
        numbers = from_iter([1, 2]);
        joined = lookup(async |number: i32| Ok::<_, String>((number > 1).then_some(Answer)));
        numbers -> key_by(|number| *number) -> joined -> discard;
        joined.err -> discard;
    };
}
