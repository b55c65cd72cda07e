//! error at: `Option<&'a str>`
//! says: a node cannot return what it borrows from its row: return an owned value

use streamweave::prelude::*;

#[node]
fn first<'a>(line: &'a str) -> Option<&'a str> {
    line.split(' ').next()
}

fn main() {}
