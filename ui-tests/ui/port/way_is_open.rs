//! error at: `spread`
//! says: port `to_1` of this node is open

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        rows = from_iter(1..9);
        spread = round_robin(Ways::<2>);
        rows -> spread;
        spread.to_0 -> discard;
    };
}
