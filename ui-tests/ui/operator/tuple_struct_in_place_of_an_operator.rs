//! error at: `Celsius`
//! says: this function is not an operator: what it takes first is a `f64`

use streamweave::prelude::*;

struct Celsius(f64);

fn main() {
    let _ = graph! {
        readings = from_iter([20.5, 21.0]);
        readings -> Celsius -> all;
        all = collect();
    };
}
