//! Random graphs against the naive interpreter, over batch sizes and inputs.
//!
//! The interpreter has no batches, so that with one source every batch size must give its rows, in
//! its order (rule Z1), and its books (rule Z2). With two sources the order in which sources are
//! taken from is the worker's own business, as long as it is a fair round robin: there the rows
//! must be those of one such order, and the same one in all runs.

#![recursion_limit = "512"]

use streamweave::prelude::*;
use streamweave_tests::description::{Arrow, Description, Kind, Port, Times, Tumbling};
use streamweave_tests::input::{INPUTS, Input};
use streamweave_tests::interpreter::{Books, Outcome, Schedule, interpret};
use streamweave_tests::random::Random;
use streamweave_tests::row::{Row, Summary, attempt_borrowed};
use streamweave_tests::{BATCHES, Ran, finish};

/// A graph in both forms.
struct Case {
    name: &'static str,
    run: fn(usize, &[Vec<Row>]) -> Ran,
    graph: Description,
}

#[allow(clippy::redundant_closure_for_method_calls)]
mod generated {
    use super::*;
    use Kind::*;
    use Port::{Out, Side};
    use Times::{All, OrError, OrNone};

    include!(concat!(env!("OUT_DIR"), "/random_graphs.rs"));
}

/// How many inputs of each kind a graph gets.
const SEEDS: u64 = 3;

/// Runs the cases of a shape; the schedules that explain every run are returned.
fn check(shape: &str) {
    let cases: Vec<Case> =
        generated::cases().into_iter().filter(|case| case.name.starts_with(shape)).collect();
    assert!(!cases.is_empty(), "no graph is called {shape}");
    let mut schedules = Schedule::all(cases[0].graph.sources());
    for case in &cases {
        for (number, seed) in (0..SEEDS * INPUTS.len() as u64).enumerate() {
            let mut random = Random::new(seed);
            let kinds: Vec<Input> = (0..case.graph.sources())
                .map(|source| INPUTS[(number * (3 * source + 1)) % INPUTS.len()])
                .collect();
            let inputs: Vec<Vec<Row>> = kinds.iter().map(|kind| kind.rows(&mut random)).collect();
            for batch in BATCHES {
                let before = schedules.clone();
                schedules.retain(|&schedule| difference(case, &inputs, batch, schedule).is_none());
                if schedules.is_empty() {
                    complain(case, inputs.clone(), batch, &before);
                }
            }
        }
    }
}

/// What differs between the engine and the interpreter.
fn difference(case: &Case, inputs: &[Vec<Row>], batch: usize, schedule: Schedule) -> Option<String> {
    let ran = (case.run)(batch, inputs);
    let Outcome { sinks, books } = interpret(&case.graph, inputs, batch, schedule);
    for ((node, expected), (_, got)) in sinks.iter().zip(&ran.sinks) {
        if expected != got {
            return Some(format!("sink n{node}\n  expected {}\n  got      {}", list(expected), list(got)));
        }
    }
    for (node, expected) in books.iter().enumerate() {
        let got = ran.report.node(&format!("n{node}")).map(|node| Books {
            received: node.received,
            passed: node.passed,
            filtered: node.filtered,
            absorbed: node.absorbed,
            late: node.late,
        });
        // A node that stands inline has no name of its own.
        if got.is_some_and(|got| got != *expected) && !matches!(case.graph.nodes[node], Kind::Source(_)) {
            return Some(format!("books of n{node}\n  expected {expected:?}\n  got      {got:?}"));
        }
    }
    None
}

fn list(rows: &[Row]) -> String {
    rows.iter().map(Row::to_string).collect::<Vec<_>>().join(" ")
}

/// Panics with the smallest input that still shows the difference.
fn complain(case: &Case, mut inputs: Vec<Vec<Row>>, batch: usize, schedules: &[Schedule]) -> ! {
    let fails = |inputs: &[Vec<Row>]| {
        schedules.iter().all(|&schedule| difference(case, inputs, batch, schedule).is_some())
    };
    let places = |inputs: &[Vec<Row>]| -> Vec<(usize, usize)> {
        (0..inputs.len()).flat_map(|of| (0..inputs[of].len()).map(move |place| (of, place))).collect()
    };
    while let Some(smaller) = places(&inputs).into_iter().rev().find_map(|(of, place)| {
        let mut smaller = inputs.clone();
        smaller[of].remove(place);
        fails(&smaller).then_some(smaller)
    }) {
        inputs = smaller;
    }
    let rows: Vec<String> = inputs.iter().map(|rows| list(rows)).collect();
    let differences: Vec<String> = schedules
        .iter()
        .filter_map(|&schedule| Some((schedule, difference(case, &inputs, batch, schedule)?)))
        .map(|(schedule, difference)| format!("{schedule:?}: {difference}"))
        .collect();
    panic!(
        "{}, batch {batch}, rows value@time {rows:?}\n{}\n{:#?}",
        case.name,
        differences.join("\n"),
        case.graph.nodes.iter().enumerate().collect::<Vec<_>>()
    );
}

#[test]
fn graphs_of_one_source_match_the_interpreter() {
    check("random_one_source");
}

#[test]
fn graphs_of_two_sources_match_the_interpreter_on_one_round_robin() {
    check("random_two_sources");
}

#[test]
fn chains_of_forty_operators_match_the_interpreter() {
    check("chain");
}

#[test]
fn fan_outs_of_six_match_the_interpreter() {
    check("fan_out");
}

#[test]
fn nested_diamonds_match_the_interpreter() {
    check("diamonds");
}
