//! Closures borrow or move the variables around the graph; it runs where they live.

#[path = "../block_on.rs"]
mod block_on;

use std::collections::HashSet;
use std::rc::Rc;

use streamweave::prelude::*;

async fn run() -> Result<(), streamweave::Error> {
    let known: HashSet<&str> = HashSet::from(["warp"]);
    let factor = Rc::new(3);
    let mut seen = 0;
    let suffix = "!".to_owned();
    let result = graph! {
        words = from_iter(["warp", "weft"]);
        words -> filter(|word| known.contains(word)) -> inspect(|_| seen += 1)
            -> map(move |word| format!("{word}{suffix}{factor}")) -> marked;
        marked = collect();
    }
    .run()
    .await?;
    assert_eq!(result.marked, ["warp!3"]);
    assert_eq!(seen, 1);
    assert_eq!(known.len(), 1);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
