//! Nodes and variables may be named like macros, types, functions and methods of the standard
//! library, and like what the expansion uses itself.

#[path = "../block_on.rs"]
mod block_on;

use streamweave::prelude::*;

#[node]
fn vec(x: u64) -> u64 {
    x + 1
}

#[node]
#[allow(non_snake_case)]
fn String(x: u64) -> u64 {
    x + 2
}

#[node]
fn drop(row: u64) -> u64 {
    row
}

/// The expansion has a type of this name, too.
#[derive(Debug, PartialEq)]
enum Outcome {
    Sent(u64),
}

mod shadows {
    #![allow(dead_code)]

    pub(crate) struct Option;
    pub(crate) struct Vec;
    pub(crate) struct Some;
    pub(crate) trait Iterator {}
    pub(crate) fn place() {}
}

#[allow(unused_imports)]
use shadows::*;

async fn run() -> Result<(), streamweave::Error> {
    let row = 1_u64;
    let command = 2_u64;
    let result = graph! {
        source = from_iter([row, command]);
        println = map(move |to| to + row + command);
        stage = vec();
        signal = String();
        source -> stage -> signal -> println -> drop -> map(Outcome::Sent) -> budget;
        budget = collect();
    }
    .run()
    .await?;
    assert_eq!(result.budget, [Outcome::Sent(7), Outcome::Sent(8)]);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
