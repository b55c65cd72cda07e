//! A node in a module, public in it, works on a type that the module shows to the crate only.

#[path = "../block_on.rs"]
mod block_on;

mod shop {
    use streamweave::prelude::*;

    pub(crate) struct Sale {
        pub(crate) amount: u64,
    }

    /// The amount of a sale.
    #[node]
    pub(crate) fn amount(sale: &Sale) -> u64 {
        sale.amount
    }

    #[node]
    pub(super) fn is_large(amount: u64, #[param] limit: u64) -> Option<u64> {
        (amount >= limit).then_some(amount)
    }
}

use shop::Sale;
use streamweave::prelude::*;

async fn run() -> Result<(), streamweave::Error> {
    let result = graph! {
        sales = from_iter([Sale { amount: 1 }, Sale { amount: 5 }]);
        sales -> shop::amount() -> shop::is_large(3) -> large;
        large = collect();
    }
    .run()
    .await?;
    assert_eq!(result.large, [5]);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
