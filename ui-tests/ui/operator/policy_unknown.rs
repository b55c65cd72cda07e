//! error at: `forgive`
//! says: cannot find value `forgive`

use streamweave::prelude::*;

#[node]
fn check(n: u64) -> Result<u64, String> {
    Ok(n)
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64]);
        #[on_error(forgive)]
        checked = check();
        numbers -> checked -> discard;
    };
}
