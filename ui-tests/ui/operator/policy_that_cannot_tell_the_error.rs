//! error at: `stop`
//! says: this error policy cannot be told

use streamweave::prelude::*;

struct Refusal;

#[node]
fn check(_n: &u64) -> Result<u64, Refusal> {
    Err(Refusal)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64]);
        #[on_error(stop)]
        checked = check();
        numbers -> checked -> discard;
    };
}
