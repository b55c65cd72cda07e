//! Writes the random graphs: each once as `graph!`, for the engine, and once as data, for the
//! interpreter.
//!
//! The seeds are fixed, so that a build is the same everywhere. `STREAMWEAVE_GRAPH_SEED`, a number,
//! takes other graphs.

use std::{env, fs, path::Path};

#[path = "../src/description.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests, which use the rest of it")]
mod description;
#[path = "../src/random.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests, which use the rest of it")]
mod random;
mod shape;
mod source;

use random::Random;
use shape::Shape;

/// Makes a graph.
type Make = fn(&mut Random) -> Shape;

/// How many graphs there are of each shape.
const SHAPES: [(&str, Make, usize); 7] = [
    ("random_one_source", |random| shape::random(random, 1), 14),
    ("random_two_sources", |random| shape::random(random, 2), 12),
    ("chain", shape::chain, 3),
    ("fan_out", shape::fan_out, 4),
    ("diamonds", shape::diamonds, 6),
    ("diamonds_in_time", shape::diamonds_in_time, 6),
    ("times_that_meet", shape::times_that_meet, 4),
];

fn main() {
    println!("cargo::rerun-if-env-changed=STREAMWEAVE_GRAPH_SEED");
    for path in ["build", "src/description.rs", "src/random.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let seed = env::var("STREAMWEAVE_GRAPH_SEED").unwrap_or_else(|_| "20250117".to_owned());
    let mut random = Random::new(seed.parse().expect("STREAMWEAVE_GRAPH_SEED is a number"));
    let mut cases = Vec::new();
    for (name, make, count) in SHAPES {
        for number in 0..count {
            cases.push((format!("{name}_{number}"), make(&mut random)));
        }
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let file = Path::new(&out).join("random_graphs.rs");
    fs::write(file, source::module(&cases)).expect("OUT_DIR can be written to");
}
