//! error at: `skip`
//! says: an arrow starts at `checked.err`: a policy stands in place of one

use streamweave::prelude::*;

#[node]
fn check(n: &u64) -> Result<u64, String> {
    Ok(*n)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64]);
        #[on_error(skip)]
        checked = check();
        numbers -> checked -> discard;
        checked.err -> discard;
    };
}
