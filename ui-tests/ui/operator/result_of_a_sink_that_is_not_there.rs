//! error at: `totals`
//! says: no field `totals`

use streamweave::prelude::*;

async fn run() {
    let result = graph! {
        numbers = from_iter([1_u64, 2]);
        numbers -> running_sum() -> total;
        total = last();
    }
    .run()
    .await
    .unwrap();
    assert_eq!(result.totals, Some(3));
}

fn main() {
    drop(run());
}
