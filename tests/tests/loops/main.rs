//! Loops to a fixed point, each against a recompute after every edit.

use std::collections::{BTreeMap, BTreeSet};

use streamweave::differential::iterate::Incomplete;
use streamweave::graph::Report;
use streamweave::operator::NodeReport;
use streamweave::prelude::*;
use streamweave_tests::edits::{
    Change, Collection, Edits, add, at_each_time, collection, edits, emitted, script, scripted, summed,
};
use streamweave_tests::finish;
use streamweave_tests::random::Random;
use streamweave_tests::record::{ChangeLog, record_changes, take};

type Edge = (u8, u8);

const SEEDS: u64 = 40;

graph! {
    /// What can be counted up to from the seeds.
    graph count_up(seeds: Update<u32, LogicalTime, i64>) -> (numbers: Update<u32, LogicalTime, i64>) {
        iterate up {
            var number: u32 = seeds;
            number -> filter(|n| *n < 5) -> map(|n| n + 1) -> next;
            next = map(|n: u32| n);
            [seeds, next] -> number;
        }
        up.number -> numbers;
    }
}

#[test]
fn a_loop_comes_to_its_fixed_point_and_follows_edits() {
    let mut graph = count_up::harness();
    for (seed, time, diff) in [(2, 0, 1), (4, 1, 1), (2, 2, -1)] {
        graph.inputs.seeds.update(Update { data: seed, time: LogicalTime(time), diff });
    }
    graph.finish().expect("nothing fails").assert_conserved();
    let rows = graph.outputs.numbers.updates().into_iter().map(|row| (row.time.0, row.data, row.diff));
    assert_eq!(
        Vec::from_iter(rows),
        [
            (0, 2, 1),
            (0, 3, 1),
            (0, 4, 1),
            (0, 5, 1),
            (1, 4, 1),
            (1, 5, 1),
            (2, 2, -1),
            (2, 3, -1),
            (2, 4, -1),
            (2, 5, -1)
        ]
    );
}

/// Between which nodes there is a path, by paths that grow by an edge, or are put together of two.
fn paths_of(edges: &Collection<Edge>) -> Collection<Edge> {
    let mut paths: BTreeSet<Edge> = edges.keys().copied().collect();
    loop {
        let longer = paths.iter().flat_map(|one| {
            edges.keys().filter(|edge| edge.0 == one.1).map(|edge| (one.0, edge.1)).collect::<Vec<_>>()
        });
        let longer: Vec<_> = longer.filter(|path| !paths.contains(path)).collect();
        if longer.is_empty() {
            return paths.into_iter().map(|path| (path, 1)).collect();
        }
        paths.extend(longer);
    }
}

graph! {
    graph closure(edges: Update<Edge, LogicalTime, i64>) -> (paths: Update<Edge, LogicalTime, i64>) {
        iterate close {
            var path: Edge = edges;
            longer = differential::join_map(|_, from: &Edge, to: &Edge| (from.0, to.1));
            path -> key_by(|path| path.1) -> longer.left;
            edges -> key_by(|edge| edge.0) -> longer.right;
            [edges, longer] -> differential::distinct() -> path;
        }
        close.path -> paths;
    }
}

graph! {
    graph closure_of_halves(edges: Update<Edge, LogicalTime, i64>) -> (paths: Update<Edge, LogicalTime, i64>) {
        iterate close {
            var path: Edge;
            longer = differential::join_map(|_, from: &Edge, to: &Edge| (from.0, to.1));
            path -> key_by(|path| path.1) -> longer.left;
            path -> key_by(|path| path.0) -> longer.right;
            [edges, longer] -> differential::distinct() -> path;
        }
        close.path -> paths;
    }
}

/// What a row comes to with what has been emitted at a time: that of no other time is among it.
#[track_caller]
fn take_in<D: Ord>(collection: &mut Collection<D>, time: usize, changes: Vec<Update<D, LogicalTime, i64>>) {
    for change in changes {
        assert_eq!(change.time, LogicalTime(time as u64));
        assert_ne!(change.diff, 0);
        add(collection, change.data, change.diff);
    }
}

/// Feeds edits to the input of a graph, each time by itself, and compares an output after each.
macro_rules! follow {
    ($graph:expr, $input:ident, $output:ident, $edits:expr, $oracle:expr, $about:expr) => {{
        let (edits, oracle) = (&$edits, $oracle);
        let mut graph = $graph;
        let mut out = Collection::new();
        for (time, (changes, now)) in edits.iter().zip(at_each_time(edits)).enumerate() {
            for (row, diff) in changes {
                graph.inputs.$input.update(Update {
                    data: *row,
                    time: LogicalTime(time as u64),
                    diff: *diff,
                });
            }
            graph.inputs.$input.advance_to(LogicalTime(time as u64 + 1));
            graph.settle();
            take_in(&mut out, time, graph.outputs.$output.updates());
            assert_eq!(out, oracle(&now), "{}, at time {time} of {edits:?}", $about);
        }
        graph.finish().expect("nothing fails").assert_conserved();
    }};
}

mod fixed_points;
mod limits;
mod until;

fn edge(nodes: u64) -> impl FnMut(&mut Random) -> Edge {
    move |random| (random.below(nodes) as u8, random.below(nodes) as u8)
}

fn by_first(pair: Edge) -> Keyed<u8, u8> {
    Keyed { key: pair.0, value: pair.1 }
}

fn by_second(pair: Edge) -> Keyed<u8, u8> {
    Keyed { key: pair.1, value: pair.0 }
}

/// Edits of edges between so few nodes that cycles come and go.
fn edge_edits(seed: u64) -> Edits<Edge> {
    let mut random = Random::new(seed);
    let nodes = random.pick(&[2, 3, 4, 6]);
    let size = random.pick(&[(30, 1), (12, 4)]);
    edits(&mut random, size, edge(nodes))
}
