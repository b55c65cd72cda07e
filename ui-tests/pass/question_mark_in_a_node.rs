//! `?` and `.await` in the expression of a node belong to the function around the graph.

#[path = "../block_on.rs"]
mod block_on;

use std::error::Error;

use streamweave::prelude::*;

fn limit(text: &str) -> Result<u64, std::num::ParseIntError> {
    text.parse()
}

async fn rows() -> Result<Vec<u64>, std::num::ParseIntError> {
    Ok(vec![limit("1")?, 5])
}

async fn run() -> Result<(), Box<dyn Error>> {
    let result = graph! {
        numbers = from_iter(rows().await?);
        small = filter_below(limit("3")?)?;
        numbers -> small -> kept;
        kept = collect();
    }
    .run()
    .await?;
    assert_eq!(result.kept, [1]);
    Ok(())
}

/// An operator of the user's own, which can refuse its configuration.
fn filter_below<T, R>(
    input: streamweave::port::Edge<u64, T, R>,
    limit: u64,
) -> Result<
    streamweave::operator::Linear<
        streamweave::operator::element::Filter<impl FnMut(&u64) -> bool>,
        streamweave::operator::Gives<u64>,
    >,
    String,
> {
    if limit == 0 {
        return Err("nothing is below zero".to_owned());
    }
    Ok(filter(input, move |n| *n < limit))
}

fn main() {
    block_on::block_on(run());
}
