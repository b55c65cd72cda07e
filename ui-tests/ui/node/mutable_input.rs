//! error at: `mut`
//! says: a node borrows its input shared

use streamweave::prelude::*;

#[node]
fn clear(text: &mut String) -> usize {
    text.clear();
    text.len()
}

fn main() {}
