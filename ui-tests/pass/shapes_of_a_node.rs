//! The return type decides what a node is, or `#[node(..)]` does; aliases and borrows are taken.

use streamweave::prelude::*;

type Parsed<T> = Result<T, std::num::ParseIntError>;

#[node]
fn length(word: &String) -> usize {
    word.len()
}

#[node(flat_map)]
fn words(line: String) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[node]
fn nonempty(word: String) -> Option<String> {
    (!word.is_empty()).then_some(word)
}

#[node(try_map)]
fn number(word: String) -> Parsed<u64> {
    word.parse()
}

#[node(map)]
fn perhaps(n: u64) -> Option<u64> {
    n.checked_sub(1)
}

#[node]
fn log(n: &usize) {
    let _ = n;
}

fn main() {
    let _ = graph! {
        lines = from_iter(["1 two".to_owned()]);
        lines -> words -> split;
        split = nonempty();
        split -> number_of -> perhaps -> numbers;
        number_of = number();
        number_of.err -> map(|failed| failed.error) -> errors;
        split -> length -> log -> units;
        numbers = collect();
        errors = collect();
        units = collect();
    };
}
