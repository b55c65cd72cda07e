//! A node that says what it carries; what is not known otherwise is inferred from it.

use streamweave::prelude::*;

fn main() {
    let _ = graph! {
        texts = from_iter(["1", "2"]);
        numbers: u8 = map(|text: &str| text.parse().unwrap_or_default());
        bytes: u8 = from_iter([1, 2]);
        lists: Vec<_> = map(|n| vec![n]);
        texts -> numbers -> lists -> all;
        bytes -> rest;
        all = collect();
        rest = collect();
    };
}
