//! Types and functions of the user's that are called as those of the standard prelude are.

#![allow(dead_code)]

use streamweave::prelude::{collect, discard, from_iter, graph, map, node};

struct Option;
struct Some;
struct None;
struct Result;
struct Ok;
struct Err;
struct Vec;
struct String;
struct Box;
trait Clone {}
trait Copy {}
trait Send {}
trait Sized {}
trait Iterator {}
trait IntoIterator {}
trait FnMut {}
fn drop() {}

#[node]
fn parse(line: &str) -> std::result::Result<u64, std::num::ParseIntError> {
    line.parse()
}

#[node]
fn positive(number: u64) -> core::option::Option<u64> {
    (number > 0).then_some(number)
}

#[node]
fn digits(number: u64) -> impl std::iter::Iterator<Item = u64> {
    [number / 10, number % 10].into_iter()
}

fn main() {
    let _ = graph! {
        lines = from_iter(["1", "x"]);
        parsed = parse();
        lines -> parsed -> positive -> digits -> map(|n| n + 1) -> all;
        lines -> discard;
        parsed.err -> discard;
        all = collect();
    };
}
