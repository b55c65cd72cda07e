//! Parameters stand anywhere in a signature, and are given where the node is placed.

#[path = "../block_on.rs"]
mod block_on;

use std::collections::HashMap;
use std::sync::Arc;

use streamweave::prelude::*;

#[node]
fn scale(#[param] by: u64, x: u64) -> u64 {
    x * by
}

#[node]
fn look_up(key: &u64, #[param] names: Arc<HashMap<u64, &'static str>>, #[param] other: String) -> String {
    names.get(key).map_or(other, |name| (*name).to_owned())
}

async fn run() -> Result<(), streamweave::Error> {
    let names = Arc::new(HashMap::from([(2, "two"), (4, "four")]));
    let result = graph! {
        numbers = from_iter([1_u64, 2]);
        named = look_up(names.clone(), "?".to_owned());
        numbers -> scale(2) -> named -> words;
        numbers -> look_up(names, String::new()) -> direct;
        words = collect();
        direct = collect();
    }
    .run()
    .await?;
    assert_eq!(result.words, ["two", "four"]);
    assert_eq!(result.direct, ["", "two"]);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
