//! A crate that denies every warning, and asks for documentation.

#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, rust_2018_idioms)]
#![deny(single_use_lifetimes, trivial_casts, unused_qualifications, unused_results, let_underscore_drop)]
#![forbid(unsafe_code)]

use streamweave::prelude::*;

/// How long a line is.
#[node]
pub fn length(line: &str) -> usize {
    line.len()
}

#[node]
fn parse(line: &str) -> Result<u64, std::num::ParseIntError> {
    line.parse()
}

#[node]
async fn price(length: usize, #[param] each: usize) -> usize {
    length * each
}

/// Builds a graph and describes it.
pub fn describe() -> String {
    let graph = graph! {
        lines = from_iter(["1", "22"]);
        parsed = parse();
        per_minute: Keyed<u64, Pane<u64>> = tumbling(1.minutes()).aggregate(Count::new);
        lines -> parsed -> event_time(|n| EventTime::from_secs(*n as i64), bounded(1.secs()))
            -> key_by(|n| *n) -> per_minute -> panes;
        lines -> length -> price(3) -> prices;
        [lines, lines] -> twice;
        per_minute.late -> discard;
        parsed.err -> discard;
        panes = collect();
        prices = collect();
        twice = collect();
    };
    graph.topology().to_mermaid()
}

fn main() {
    assert!(!describe().is_empty());
}
