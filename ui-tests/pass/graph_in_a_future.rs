//! A graph inside an `async fn`, an `async` block and an `async` closure, run where it stands.

use streamweave::prelude::*;

async fn doubled(rows: Vec<u64>) -> Result<Vec<u64>, streamweave::Error> {
    let result = graph! {
        rows = from_iter(rows);
        rows -> map(|n| 2 * n) -> all;
        all = collect();
    }
    .run()
    .await?;
    Ok(result.all)
}

fn sent<T: Send>(_future: &T) {}

fn main() {
    let future = doubled(vec![1, 2]);
    sent(&future);
    let block = async {
        let rows = [1_u64, 2];
        graph! {
            rows = from_iter(rows.iter());
            rows -> total;
            total = collect();
        }
        .run()
        .await
        .map(|result| result.total.len())
    };
    drop(block);
    let closure = async |limit: u64| {
        graph! {
            rows = from_iter(0..limit);
            rows -> all;
            all = last();
        }
        .run()
        .await
        .map(|result| result.all)
    };
    drop(closure(3));
}
