//! A generic node takes its type by turbofish, or has it inferred.

#[path = "../block_on.rs"]
mod block_on;

use std::str::FromStr;

use streamweave::prelude::*;

#[node]
fn parse<T>(line: &str) -> Result<T, T::Err>
where
    T: FromStr,
{
    line.parse()
}

#[node]
fn twice<T: Clone>(x: T) -> (T, T) {
    (x.clone(), x)
}

#[node]
fn first<T: Clone, const N: usize>(xs: [T; N]) -> Option<T> {
    xs.first().cloned()
}

async fn run() -> Result<(), streamweave::Error> {
    let result = graph! {
        lines = from_iter(["1", "two"]);
        parsed = parse::<u64>();
        lines -> parsed -> twice -> pairs;
        parsed.err -> discard;
        lines -> map(|line| [line, line]) -> first -> parse_inline;
        parse_inline = parse::<f64>();
        parse_inline -> numbers;
        parse_inline.err -> discard;
        pairs = collect();
        numbers = collect();
    }
    .run()
    .await?;
    assert_eq!(result.pairs, [(1_u64, 1)]);
    assert_eq!(result.numbers, [1.0]);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
