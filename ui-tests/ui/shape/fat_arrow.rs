//! error at: `numbers`
//! says: expected `name = operator(..);` or a chain such as `a -> b;`

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers => all;
        all = collect();
    };
}
