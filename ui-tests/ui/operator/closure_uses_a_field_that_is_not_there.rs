//! error at: `price`
//! says: no field `price` on type `Sale`

use streamweave::prelude::*;

struct Sale {
    amount: u64,
}

fn main() {
    let _ = graph! {
        sales = from_iter([Sale { amount: 1 }]);
        sales -> map(|sale| sale.price) -> prices;
        prices = collect();
    };
}
