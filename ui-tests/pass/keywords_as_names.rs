//! Nodes, ports and parameters whose names are keywords, as raw identifiers.

use streamweave::prelude::*;

#[node]
fn r#match(text: &str, #[param] r#type: String) -> bool {
    text == r#type
}

fn main() {
    let _ = graph! {
        r#in = from_iter(["a", "b"]);
        r#loop = r#match("a".to_owned());
        r#in -> r#loop -> r#yield;
        r#in -> r#type;
        r#yield = collect();
        r#type = collect();
    };
}
