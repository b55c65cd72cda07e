//! A graph is a value: it can be kept, returned, asked for its topology and spawned.

#[path = "../block_on.rs"]
mod block_on;

use std::future::Future;

use streamweave::prelude::*;

fn total(rows: Vec<u64>) -> impl Future<Output = Result<Option<u128>, streamweave::Error>> + Send {
    let graph = graph! {
        rows = from_iter(rows);
        rows -> running_sum() -> total;
        total: u128 = map(|n| n);
        total -> sum;
        sum = last();
    };
    assert_eq!(graph.topology().sources(), 1);
    async move { Ok(graph.batch(16).run().await?.sum) }
}

async fn spawned() -> Result<(), streamweave::Error> {
    let running = graph! {
        rows = from_iter([1_u64, 2]);
        rows -> all;
        all = collect();
    }
    .spawn();
    running.drain();
    running.await?;
    Ok(())
}

fn main() {
    assert_eq!(block_on::block_on(total(vec![1, 2])), Some(3));
    drop(spawned());
}
