//! A node may return what it does not borrow from its row.

use streamweave::prelude::*;

#[node]
fn unit(symbol: &str) -> &'static str {
    if symbol == "m" { "metre" } else { "second" }
}

#[node]
fn rule(symbol: &str) -> Box<dyn Fn(&str) -> bool + Send> {
    let symbol = symbol.to_owned();
    Box::new(move |other| other == symbol)
}

#[node]
fn known(symbol: &'static str) -> Option<&'static str> {
    (symbol == "m").then_some(symbol)
}

fn main() {
    let _ = graph! {
        symbols = from_iter(["m", "s"]);
        symbols -> unit -> units;
        symbols -> rule -> map(|rule| rule("m")) -> metres;
        symbols -> known -> known_ones;
        units = collect();
        known_ones = collect();
        metres = collect();
    };
    assert_eq!(unit::call("m"), "metre");
}
