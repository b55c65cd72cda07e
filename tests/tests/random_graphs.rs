//! Random graphs against the naive interpreter, over batch sizes and inputs.
//!
//! The interpreter has no batches, so that with one source every batch size must give its rows, in
//! its order (rule Z1), and its books (rule Z2). With two sources the order in which sources are
//! taken from is the worker's own business, as long as it is a fair round robin: there the rows
//! must be those of one such order, and the same one in all runs.

#![recursion_limit = "512"]

use streamweave::prelude::*;
use streamweave_tests::description::{Arrow, Description, Kind, Port, Times, Tumbling};
use streamweave_tests::input::INPUTS;
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
const SEEDS: usize = 3;

/// The stack of a run: in a build without optimisation the frame of a graph of forty operators with
/// two ports each outgrows the two megabytes that a thread of a test has.
const STACK: usize = 64 << 20;

/// The graphs of a shape.
fn cases(shape: &str) -> Vec<Case> {
    let cases: Vec<Case> =
        generated::cases().into_iter().filter(|case| case.name.starts_with(shape)).collect();
    assert!(!cases.is_empty(), "no graph is called {shape}");
    cases
}

/// The inputs of a graph of so many sources. Each of two sources meets every kind of input, and not
/// always together with the same one.
fn inputs(sources: usize) -> Vec<Vec<Vec<Row>>> {
    let kinds = INPUTS.len();
    let of = |number: usize| {
        let mut random = Random::new(number as u64);
        let kind = |source| INPUTS[(number + source * (3 + number / kinds)) % kinds];
        (0..sources).map(|source| kind(source).rows(&mut random)).collect()
    };
    (0..SEEDS * kinds).map(of).collect()
}

/// Runs the graphs of a shape: one schedule has to explain all their runs.
fn check(shape: &'static str) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let cases = cases(shape);
        let mut schedules = Schedule::all(cases[0].graph.sources());
        for case in &cases {
            for inputs in inputs(case.graph.sources()) {
                for batch in BATCHES {
                    explain(case, &inputs, batch, &mut schedules);
                }
            }
        }
        println!("{shape}: {schedules:?}");
    });
    if let Err(panic) = thread.expect("a thread can be started").join() {
        std::panic::resume_unwind(panic);
    }
}

/// Keeps the schedules by which the interpreter gives what the engine gives: at least one.
fn explain(case: &Case, inputs: &[Vec<Row>], batch: usize, schedules: &mut Vec<Schedule>) {
    let ran = (case.run)(batch, inputs);
    let (explain, differ) =
        schedules.iter().partition(|&&schedule| difference(case, &ran, inputs, batch, schedule).is_none());
    *schedules = explain;
    if schedules.is_empty() {
        complain(case, inputs.to_vec(), batch, differ);
    }
}

/// What differs between the engine and the interpreter.
fn difference(
    case: &Case,
    ran: &Ran,
    inputs: &[Vec<Row>],
    batch: usize,
    schedule: Schedule,
) -> Option<String> {
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
fn complain(case: &Case, mut inputs: Vec<Vec<Row>>, batch: usize, schedules: Vec<Schedule>) -> ! {
    let differences = |inputs: &[Vec<Row>]| -> Vec<String> {
        let ran = (case.run)(batch, inputs);
        let of = |schedule: &Schedule| {
            Some(format!("{schedule:?}: {}", difference(case, &ran, inputs, batch, *schedule)?))
        };
        schedules.iter().filter_map(of).collect()
    };
    loop {
        let smaller = without_one(&inputs).find(|less| differences(less).len() == schedules.len());
        let Some(smaller) = smaller else { break };
        inputs = smaller;
    }
    panic!(
        "{}, batch {batch}, rows value@time {:?}\n{}\n{:#?}",
        case.name,
        inputs.iter().map(|rows| list(rows)).collect::<Vec<_>>(),
        differences(&inputs).join("\n"),
        case.graph.nodes.iter().enumerate().collect::<Vec<_>>()
    );
}

/// The inputs with one row less, the last row first.
fn without_one(inputs: &[Vec<Row>]) -> impl Iterator<Item = Vec<Vec<Row>>> {
    let places = (0..inputs.len()).flat_map(|of| (0..inputs[of].len()).rev().map(move |place| (of, place)));
    places.map(|(of, place)| {
        let mut less = inputs.to_vec();
        less[of].remove(place);
        less
    })
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
fn arms_with_times_of_their_own_match_the_interpreter() {
    check("times_that_meet");
}

#[test]
fn nested_diamonds_match_the_interpreter() {
    check("diamonds");
}

/// The graphs are only worth their name if rows reach the sinks, windows fire, rows are late, and
/// the order of the arrows can be seen in the rows.
#[test]
fn the_graphs_show_what_they_are_to_show() {
    let (mut sunk, mut late, mut open, mut order) = (0, 0, 0, 0);
    let cases = cases("");
    for Case { graph, .. } in &cases {
        let mut turned = graph.clone();
        turned.arrows.reverse();
        let mut sees_order = false;
        for inputs in inputs(graph.sources()) {
            let outcome = interpret(graph, &inputs, 7, Schedule { first: 0, ends_early: false });
            let other = interpret(&turned, &inputs, 7, Schedule { first: 0, ends_early: false });
            sees_order |= outcome.sinks != other.sinks;
            sunk += outcome.sinks.iter().map(|(_, rows)| rows.len()).sum::<usize>();
            late += outcome.books.iter().map(|books| books.late).sum::<u64>();
            let windows = graph.nodes.iter().zip(&outcome.books);
            open += windows
                .filter(|(kind, _)| matches!(kind, Kind::Window(_)))
                .map(|(_, books)| books.absorbed)
                .sum::<u64>();
        }
        order += usize::from(sees_order);
    }
    println!("{sunk} rows in sinks, {late} late, {open} in windows; {order} graphs see the order of arrows");
    assert!(cases.len() >= 40);
    assert!(sunk > 50_000 && late > 1_000 && open > 10_000 && order > cases.len() / 3);
}
