//! What is said about a function holds for the node: its lints, its documentation, its conditions.

#![deny(missing_docs)]
#[path = "../block_on.rs"]
mod block_on;

use streamweave::prelude::*;

/// A node that is not compiled.
#[node]
#[cfg(any())]
pub fn absent(x: Missing) -> Missing {
    x
}

/// A node that clippy and rustc leave alone.
#[node]
#[allow(non_snake_case)]
#[inline]
#[must_use]
pub fn Halve(x: u64) -> u64 {
    x / 2
}

async fn run() -> Result<(), streamweave::Error> {
    let result = graph! {
        numbers = from_iter([2_u64, 4]);
        numbers -> Halve -> halves;
        halves = collect();
    }
    .run()
    .await?;
    assert_eq!(result.halves, [1, 2]);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
