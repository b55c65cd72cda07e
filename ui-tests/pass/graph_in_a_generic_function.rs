//! A graph inside a generic function: over its types, its lifetimes and its closures.

use std::fmt::Display;
use std::hash::Hash;

use streamweave::prelude::*;

#[node]
fn show<D: Display>(value: D) -> String {
    value.to_string()
}

fn shown<'a, D, I>(rows: I, skipped: &'a str)
where
    D: Display + Clone + 'a,
    I: IntoIterator<Item = D>,
{
    let _ = graph! {
        rows = from_iter(rows);
        rows -> show::<D>() -> filter(|text| text != skipped) -> texts;
        rows -> all;
        texts = collect();
        all = collect();
    };
}

fn counted<D, K: Hash + Eq + Clone>(rows: Vec<D>, key: impl Fn(&D) -> K) {
    let _ = graph! {
        rows = from_iter(rows);
        rows -> key_by(|row| key(row)) -> count() -> counts;
        counts = collect();
    };
}

fn main() {
    shown([1, 2], "2");
    counted(vec!["a", "bc"], |text| text.len());
}
