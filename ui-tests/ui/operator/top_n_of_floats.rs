//! error at: `top_n`
//! says: rows of type `{float}` cannot be ranked

use streamweave::differential::top_n;
use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        prices = from_iter([2.5, 1.0]);
        best = top_n(3);
        prices -> from_start() -> key_by(|_| "all") -> best;
        best -> discard;
    };
}
