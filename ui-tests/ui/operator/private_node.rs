//! error at: `f`
//! says: function `f` is private

use streamweave::prelude::*;

mod inner {
    use streamweave::prelude::*;

    #[node]
    fn f(n: u64) -> u64 {
        n
    }
}

fn main() {
    let _ = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> inner::f -> all;
        all = collect();
    };
}
