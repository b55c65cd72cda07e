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

fn edge(nodes: u64) -> impl FnMut(&mut Random) -> Edge {
    move |random| (random.below(nodes) as u8, random.below(nodes) as u8)
}

/// Edits of edges between so few nodes that cycles come and go.
fn edge_edits(seed: u64) -> Edits<Edge> {
    let mut random = Random::new(seed);
    let nodes = random.pick(&[2, 3, 4, 6]);
    let size = random.pick(&[(30, 1), (12, 4)]);
    edits(&mut random, size, edge(nodes))
}

#[test]
fn g6_an_edge_into_a_cycle_is_all_that_holds_it() {
    let changes = vec![
        vec![((0, 1), 1), ((1, 2), 1), ((2, 1), 1), ((2, 3), 1), ((3, 2), 1)],
        vec![((0, 1), -1)],
        vec![((0, 3), 1)],
        vec![((2, 1), -1), ((0, 3), -1)],
        vec![((1, 2), -1)],
    ];
    follow!(closure::harness(), edges, paths, changes, paths_of, "an edge at a time");
    follow!(closure_of_halves::harness(), edges, paths, changes, paths_of, "halves");
}

#[test]
fn g6_transitive_closure_is_what_a_recompute_gives_after_every_edit() {
    for seed in 0..SEEDS {
        let edits = edge_edits(seed);
        follow!(closure::harness(), edges, paths, edits, paths_of, format!("seed {seed}"));
        follow!(closure_of_halves::harness(), edges, paths, edits, paths_of, format!("halves, seed {seed}"));
    }
}

graph! {
    /// Which nodes can be reached in an even and in an odd number of steps from node 0.
    graph parity(edges: Update<Edge, LogicalTime, i64>) -> (both: Update<(bool, u8), LogicalTime, i64>) {
        zero = from_iter([0_u8]);
        zero -> from_start() -> root;
        root = map(|node: u8| node);
        iterate walk {
            var even: u8 = root;
            var odd: u8;
            to_odd  = differential::join_map(|_, (): &(), to: &u8| *to);
            to_even = differential::join_map(|_, (): &(), to: &u8| *to);
            even -> map(|key| Keyed { key, value: () }) -> to_odd.left;
            odd -> map(|key| Keyed { key, value: () }) -> to_even.left;
            edges -> map(|(key, value)| Keyed { key, value }) -> [to_odd.right, to_even.right];
            to_odd -> differential::distinct() -> odd;
            [root, to_even] -> differential::distinct() -> even;
        }
        walk.even -> map(|node| (true, node)) -> marked_even;
        marked_even = map(|row: (bool, u8)| row);
        walk.odd -> map(|node| (false, node)) -> marked_odd;
        marked_odd = map(|row: (bool, u8)| row);
        [marked_even, marked_odd] -> both;
    }
}

#[test]
fn g7_even_and_odd_are_what_a_recompute_gives_after_every_edit() {
    let oracle = |edges: &Collection<Edge>| {
        let (mut found, mut todo) = (BTreeSet::new(), vec![(true, 0)]);
        while let Some((is_even, node)) = todo.pop() {
            if found.insert((is_even, node)) {
                todo.extend(edges.keys().filter(|edge| edge.0 == node).map(|edge| (!is_even, edge.1)));
            }
        }
        collection(found.into_iter().map(|row| (row, 1)))
    };
    for seed in 0..SEEDS {
        follow!(parity::harness(), edges, both, edge_edits(seed), oracle, format!("seed {seed}"));
    }
}

/// A statement of a program: its kind, and two of its names.
type Fact = (u8, u8, u8);

const NEW: u8 = 0;
const COPY: u8 = 1;
const LOAD: u8 = 2;
const STORE: u8 = 3;

fn of_kind(kind: u8) -> impl Fn(Fact) -> Option<Edge> + Clone {
    move |fact| (fact.0 == kind).then_some((fact.1, fact.2))
}

fn by_first(pair: Edge) -> Keyed<u8, u8> {
    Keyed { key: pair.0, value: pair.1 }
}

fn by_second(pair: Edge) -> Keyed<u8, u8> {
    Keyed { key: pair.1, value: pair.0 }
}

graph! {
    /// What variables and fields may point to: `v = new o`, `to = from`, `to = *base`, `*base = from`.
    graph points_to(facts: Update<Fact, LogicalTime, i64>) -> (pairs: Update<(bool, Edge), LogicalTime, i64>) {
        news   = filter_map(of_kind(NEW));
        copies = filter_map(of_kind(COPY));
        loads  = filter_map(of_kind(LOAD));
        stores = filter_map(of_kind(STORE));
        facts -> [news, copies, loads, stores];
        iterate solve {
            var variable: Edge;
            var heap: Edge;
            copied  = differential::join_map(|_, to: &u8, object: &u8| (*to, *object));
            based   = differential::join_map(|_, to: &u8, base: &u8| (*base, *to));
            loaded  = differential::join_map(|_, to: &u8, object: &u8| (*to, *object));
            owned   = differential::join_map(|_, from: &u8, base: &u8| (*from, *base));
            stored  = differential::join_map(|_, base: &u8, object: &u8| (*base, *object));
            pointed = map(by_first);
            variable -> pointed;
            copies -> map(by_second) -> copied.left;
            pointed -> copied.right;
            loads -> map(by_second) -> based.left;
            pointed -> based.right;
            based -> map(by_first) -> loaded.left;
            heap -> map(by_first) -> loaded.right;
            stores -> map(by_first) -> owned.left;
            pointed -> owned.right;
            owned -> map(by_first) -> stored.left;
            pointed -> stored.right;
            [news, copied, loaded] -> differential::distinct() -> variable;
            stored -> differential::distinct() -> heap;
        }
        of_variables = map(|pair: Edge| (true, pair));
        of_fields    = map(|pair: Edge| (false, pair));
        solve.variable -> of_variables;
        solve.heap -> of_fields;
        [of_variables, of_fields] -> pairs;
    }
}

#[test]
fn g7_points_to_is_what_a_recompute_gives_after_every_edit() {
    let oracle = |facts: &Collection<Fact>| {
        let mut found: BTreeSet<(bool, Edge)> = BTreeSet::new();
        loop {
            let mut more = Vec::new();
            let of = |variable: u8| {
                let of_it =
                    found.iter().filter(move |(is_variable, pair)| *is_variable && pair.0 == variable);
                of_it.map(|(_, pair)| pair.1).collect::<Vec<_>>()
            };
            let in_field = |base: u8| {
                let of_it = found.iter().filter(move |(is_variable, pair)| !*is_variable && pair.0 == base);
                of_it.map(|(_, pair)| pair.1).collect::<Vec<_>>()
            };
            for &(kind, one, other) in facts.keys() {
                match kind {
                    NEW => more.push((true, (one, other))),
                    COPY => more.extend(of(other).into_iter().map(|object| (true, (one, object)))),
                    LOAD => {
                        let objects = of(other).into_iter().flat_map(in_field);
                        more.extend(objects.map(|object| (true, (one, object))));
                    }
                    _ => {
                        for base in of(one) {
                            more.extend(of(other).into_iter().map(|object| (false, (base, object))));
                        }
                    }
                }
            }
            let before = found.len();
            found.extend(more);
            if found.len() == before {
                return collection(found.into_iter().map(|row| (row, 1)));
            }
        }
    };
    for seed in 0..SEEDS {
        let mut random = Random::new(seed ^ 0x67);
        let size = random.pick(&[(40, 1), (12, 5)]);
        let draw = |random: &mut Random| {
            (random.pick(&[NEW, COPY, COPY, LOAD, STORE]), random.below(4) as u8, random.below(4) as u8)
        };
        let edits = edits(&mut random, size, draw);
        follow!(points_to::harness(), facts, pairs, edits, oracle, format!("seed {seed}"));
    }
}

graph! {
    /// The edges that lie on a cycle.
    graph on_cycles(edges: Update<Edge, LogicalTime, i64>) -> (within: Update<Edge, LogicalTime, i64>) {
        set   = differential::distinct();
        edges -> set;
        ends  = map(|edge: Edge| edge.1);
        heads = map(|edge: Edge| edge.0);
        set -> [ends, heads];
        labels = map(|node: u8| Keyed { key: node, value: node });
        [ends, heads] -> differential::distinct() -> labels;
        iterate trim {
            var kept: Edge = set;
            iterate forward {
                var label = labels;
                spread = differential::join_map(|_, label: &u8, to: &u8| Keyed { key: *to, value: *label });
                label -> spread.left;
                kept -> map(by_first) -> spread.right;
                [labels, spread] -> differential::min() -> label;
            }
            one_end = differential::join_map(|from: &u8, to: &u8, label: &u8| Keyed { key: *to, value: (*from, *label) });
            kept -> map(by_first) -> one_end.left;
            forward.label -> one_end.right;
            both_ends = differential::join_map(|to: &u8, one: &(u8, u8), label: &u8| (one.1 == *label).then_some((one.0, *to)));
            one_end -> both_ends.left;
            forward.label -> both_ends.right;
            same = filter_map(|edge: Option<Edge>| edge);
            both_ends -> same;

            iterate backward {
                var label = labels;
                spread = differential::join_map(|_, label: &u8, to: &u8| Keyed { key: *to, value: *label });
                label -> spread.left;
                same -> map(by_second) -> spread.right;
                [labels, spread] -> differential::min() -> label;
            }
            back_one = differential::join_map(|from: &u8, to: &u8, label: &u8| Keyed { key: *to, value: (*from, *label) });
            same -> map(by_first) -> back_one.left;
            backward.label -> back_one.right;
            back_both = differential::join_map(|to: &u8, one: &(u8, u8), label: &u8| (one.1 == *label).then_some((one.0, *to)));
            back_one -> back_both.left;
            backward.label -> back_both.right;
            back_both -> filter_map(|edge: Option<Edge>| edge) -> kept;
        }
        trim.kept -> within;
    }
}

#[test]
fn g8_strongly_connected_components_are_what_a_recompute_gives_after_every_edit() {
    let oracle = |edges: &Collection<Edge>| {
        let paths = paths_of(edges);
        collection(edges.keys().filter(|edge| paths.contains_key(&(edge.1, edge.0))).map(|edge| (*edge, 1)))
    };
    for seed in 0..SEEDS {
        follow!(on_cycles::harness(), edges, within, edge_edits(seed ^ 0x68), oracle, format!("seed {seed}"));
    }
    // The trap of rule G6, a loop further in.
    let two_cycles = vec![
        vec![((0, 1), 1), ((1, 2), 1), ((2, 0), 1), ((2, 3), 1), ((3, 4), 1), ((4, 3), 1), ((4, 2), 1)],
        vec![((2, 3), -1)],
        vec![((1, 2), -1), ((2, 3), 1)],
        vec![((4, 3), -1), ((1, 2), 1)],
    ];
    follow!(on_cycles::harness(), edges, within, two_cycles, oracle, "two cycles");
}

/// An edge and its length.
type Way = (u8, u8, u32);

graph! {
    /// How far every node is from node 0.
    graph distances(ways: Update<Way, LogicalTime, i64>) -> (distances: Update<Keyed<u8, u32>, LogicalTime, i64>) {
        zero = from_iter([Keyed { key: 0_u8, value: 0_u32 }]);
        zero -> from_start() -> root;
        root = map(|row: Keyed<u8, u32>| row);
        iterate relax {
            var distance = root;
            farther = differential::join_map(|_, so_far: &u32, way: &(u8, u32)| Keyed { key: way.0, value: so_far + way.1 });
            distance -> farther.left;
            ways -> map(|(from, to, length)| Keyed { key: from, value: (to, length) }) -> farther.right;
            [root, farther] -> differential::min() -> distance;
        }
        relax.distance -> distances;
    }
}

#[test]
fn g_shortest_paths_are_what_a_recompute_gives_after_every_edit() {
    let oracle = |ways: &Collection<Way>| {
        let mut distances = BTreeMap::from([(0_u8, 0_u32)]);
        loop {
            let before = distances.clone();
            for &(from, to, length) in ways.keys() {
                if let Some(so_far) = before.get(&from) {
                    let there = distances.entry(to).or_insert(u32::MAX);
                    *there = (*there).min(so_far + length);
                }
            }
            if distances == before {
                return collection(distances.into_iter().map(|(key, value)| (Keyed { key, value }, 1)));
            }
        }
    };
    for seed in 0..SEEDS {
        let mut random = Random::new(seed ^ 0x69);
        let (nodes, size) = (random.pick(&[3, 5, 8]), random.pick(&[(40, 1), (12, 5)]));
        let draw = |random: &mut Random| {
            (random.below(nodes) as u8, random.below(nodes) as u8, random.pick(&[0, 1, 1, 2, 7, 20]))
        };
        let edits = edits(&mut random, size, draw);
        follow!(distances::harness(), ways, distances, edits, oracle, format!("seed {seed}"));
    }
}

/// A graph of the least node that can be reached along edges either way, the labels coming in at rounds.
macro_rules! components {
    ($name:ident, [$($late:tt)*]) => {
        graph! {
            graph $name(edges: Update<Edge, LogicalTime, i64>) -> (labels: Update<Keyed<u8, u8>, LogicalTime, i64>) {
                ways = map(by_first);
                back = map(by_second);
                edges -> [ways, back];
                heads = map(|way: Keyed<u8, u8>| way.key);
                [ways, back] -> heads;
                all = map(|node: u8| Keyed { key: node, value: node });
                heads -> differential::distinct() -> all;
                iterate spread {
                    var label: Keyed<u8, u8>;
                    own = map(|row: Keyed<u8, u8>| row);
                    all $($late)* -> own;
                    way = map(|row: Keyed<u8, u8>| row);
                    [ways, back] -> way;
                    next = differential::join_map(|_, label: &u8, to: &u8| Keyed { key: *to, value: *label });
                    label -> next.left;
                    way -> next.right;
                    [own, next] -> differential::min() -> label;
                }
                spread.label -> labels;
            }
        }
    };
}

components!(connected, []);
components!(connected_by_rounds, [-> differential::from_round(|row: &Keyed<u8, u8>| u32::from(row.value) * 2)]);

#[test]
fn g_connected_components_are_what_a_recompute_gives_after_every_edit() {
    let oracle = |edges: &Collection<Edge>| {
        let nodes: BTreeSet<u8> = edges.keys().flat_map(|edge| [edge.0, edge.1]).collect();
        let either_way = edges.keys().flat_map(|&(one, other)| [((one, other), 1), ((other, one), 1)]);
        let paths = paths_of(&collection(either_way));
        let least = |node: u8| paths.keys().filter(|path| path.0 == node).map(|path| path.1).min();
        collection(
            nodes.into_iter().map(|node| (Keyed { key: node, value: least(node).expect("a way back") }, 1)),
        )
    };
    for seed in 0..SEEDS {
        let edits = edge_edits(seed ^ 0x6A);
        follow!(connected::harness(), edges, labels, edits, oracle, format!("seed {seed}"));
        follow!(
            connected_by_rounds::harness(),
            edges,
            labels,
            edits,
            oracle,
            format!("by rounds, seed {seed}")
        );
    }
}

graph! {
    graph reached(edges: Update<(u32, u32), LogicalTime, i64>) -> (nodes: Update<u32, LogicalTime, i64>) {
        one = from_iter([1_u32]);
        one -> from_start() -> root;
        root = map(|node: u32| node);
        iterate reach {
            var node: u32 = root;
            step = differential::join_map(|_, (): &(), to: &u32| *to);
            node -> map(|key| Keyed { key, value: () }) -> step.left;
            edges -> map(|(key, value)| Keyed { key, value }) -> step.right;
            [root, step] -> differential::distinct() -> node;
        }
        reach.node -> nodes;
    }
}

graph! {
    graph labelled(edges: Update<(u32, u32), LogicalTime, i64>) -> (nodes: Update<Keyed<u32, u32>, LogicalTime, i64>) {
        ends = map(|edge: (u32, u32)| edge.1);
        edges -> ends;
        own  = map(|node: u32| Keyed { key: node, value: node });
        ends -> differential::distinct() -> own;
        iterate spread {
            var label: Keyed<u32, u32>;
            next = differential::join_map(|_, label: &u32, to: &u32| Keyed { key: *to, value: *label });
            label -> next.left;
            edges -> map(|(key, value)| Keyed { key, value }) -> next.right;
            [own, next] -> differential::min() -> label;
        }
        spread.label -> nodes;
    }
}

fn rows_in(nodes: &[NodeReport]) -> u64 {
    nodes.iter().map(|node| node.received + rows_in(&node.inside)).sum()
}

/// How many rows nodes have taken.
fn work(report: &Report) -> u64 {
    rows_in(report.nodes())
}

/// A binary tree with so many nodes, from 1 on.
fn tree(nodes: u32) -> impl Iterator<Item = (u32, u32)> {
    (2..=nodes).map(|node| (node / 2, node))
}

/// What one edit after another costs in rows, at sizes a hundred times apart.
macro_rules! costs {
    ($graph:ident) => {{
        [1_000_u32, 10_000, 100_000].map(|size| {
            let mut graph = $graph::harness();
            tree(size).for_each(|edge| {
                graph.inputs.edges.update(Update { data: edge, time: LogicalTime(0), diff: 1 })
            });
            graph.inputs.edges.advance_to(LogicalTime(1));
            graph.settle();
            graph.outputs.nodes.take();
            let leaf = (size / 2, size);
            let shortcut = (size / 4, size);
            let beyond = (size, size + 7);
            let script = [
                (leaf, -1),
                (leaf, 1),
                (shortcut, 1),
                (leaf, -1),
                (shortcut, -1),
                (beyond, 1),
                (leaf, 1),
                (beyond, -1),
            ];
            let mut before = work(&graph.report());
            let costs = script.into_iter().zip(1..).map(|((edge, diff), time)| {
                graph.inputs.edges.update(Update { data: edge, time: LogicalTime(time), diff });
                graph.inputs.edges.advance_to(LogicalTime(time + 1));
                graph.settle();
                let (last, now) = (before, work(&graph.report()));
                before = now;
                now - last
            });
            let costs: Vec<u64> = costs.collect();
            graph.finish().expect("nothing fails").assert_conserved();
            costs
        })
    }};
}

#[test]
fn g9_an_edit_of_one_edge_costs_what_it_changes() {
    let reached = costs!(reached);
    assert!(reached.iter().flatten().all(|rows| *rows <= 60), "{reached:?}");
    assert!(reached.iter().all(|of_size| of_size == &reached[0]), "it depends on the size: {reached:?}");
    // Here a leaf has another label in each round, one for each node above it: it costs as many rounds as it is deep.
    for (labelled, depth) in costs!(labelled).iter().zip([10, 14, 17]) {
        assert!(labelled.iter().all(|rows| *rows <= 20 * depth), "{labelled:?} at depth {depth}");
    }
}

graph! {
    /// How many paths there are: no `distinct`, multiplicities multiply.
    graph ways_to_go(edges: Update<Edge, LogicalTime, i64>) -> (paths: Update<Edge, LogicalTime, i64>) {
        #[max_rounds(40)]
        iterate go {
            var path: Edge = edges;
            longer = differential::join_map(|_, from: &Edge, to: &Edge| (from.0, to.1));
            path -> key_by(|path| path.1) -> longer.left;
            edges -> key_by(|edge| edge.0) -> longer.right;
            next = map(|path: Edge| path);
            [edges, longer] -> next;
            next -> path;
        }
        go.path -> paths;
    }
}

/// One round of counting paths.
fn one_edge_more(paths: &Collection<Edge>, edges: &Collection<Edge>) -> Collection<Edge> {
    let longer = paths.iter().flat_map(|(path, one)| {
        let edges = edges.iter().filter(|(edge, _)| edge.0 == path.1);
        edges.map(|(edge, other)| ((path.0, edge.1), one * other)).collect::<Vec<_>>()
    });
    collection(edges.iter().map(|(edge, weight)| (*edge, *weight)).chain(longer))
}

#[test]
fn g10_paths_of_a_graph_without_cycles_are_counted_without_a_distinct() {
    let oracle = |edges: &Collection<Edge>| {
        let mut paths = edges.clone();
        loop {
            let next = one_edge_more(&paths, edges);
            if next == paths {
                return paths;
            }
            paths = next;
        }
    };
    for seed in 0..SEEDS {
        let mut random = Random::new(seed ^ 0x6B);
        let draw = |random: &mut Random| {
            let from = random.below(5) as u8;
            (from, from + 1 + random.below(2) as u8)
        };
        let edits = edits(&mut random, (20, 3), draw);
        follow!(ways_to_go::harness(), edges, paths, edits, oracle, format!("seed {seed}"));
    }
}

#[test]
fn g10_a_cycle_without_a_distinct_comes_to_the_limit() {
    let mut graph = ways_to_go::harness();
    for edge in [(1, 2), (2, 1)] {
        graph.inputs.edges.update(Update { data: edge, time: LogicalTime(3), diff: 1 });
    }
    let error = graph.finish().map(|_| ()).expect_err("there are ever more paths").to_string();
    assert!(error.contains("`go`") && error.contains("40 rounds, at time 3: "), "{error}");
}

graph! {
    graph cancelling(rows: Update<i64, LogicalTime, i64>) -> (out: Update<i64, LogicalTime, i64>) {
        #[max_rounds(2)]
        iterate stay {
            var now: i64 = rows;
            opposite = differential::negate();
            now -> opposite;
            other = map(|row: i64| row + 1);
            other_back = differential::negate();
            now -> other -> other_back;
            next = map(|row: i64| row);
            again = map(|row: i64| row);
            now -> again;
            [now, again, opposite, other, other_back] -> next;
            next -> now;
        }
        stay.now -> out;
    }
}

#[test]
fn g10_what_cancels_out_in_a_round_does_not_go_around() {
    for seed in 0..SEEDS {
        let mut random = Random::new(seed ^ 0x6C);
        let edits = edits(&mut random, (6, 5), |random| random.between(0, 9));
        follow!(cancelling::harness(), rows, out, edits, Collection::clone, format!("seed {seed}"));
    }
}

/// Where counting up ends.
const LAST: u32 = 20;

/// A graph that counts up to [`LAST`] from its seeds, and what it makes of a limit.
macro_rules! counts_up {
    ($name:ident, #[$($limit:tt)*]) => {
        graph! {
            graph $name(seeds: Update<u32, LogicalTime, i64>) -> (out: Update<u32, LogicalTime, i64>, incomplete: Update<Incomplete, LogicalTime, i64>) {
                #[$($limit)*]
                iterate up {
                    var number: u32 = seeds;
                    next = map(|n: u32| n + 1);
                    number -> filter(|n| *n != LAST) -> next;
                    [seeds, next] -> differential::distinct() -> number;
                }
                up.number -> out;
                up.incomplete -> incomplete;
            }
        }
    };
}

counts_up!(counts_up, #[max_rounds(9)]);
counts_up!(counts_up_and_returns, #[max_rounds(9), on_limit = return]);
counts_up!(counts_nine_up, #[rounds(9)]);

/// What counting has come to in a round.
fn counted_up(seeds: &Collection<u32>, rounds: u32) -> Collection<u32> {
    let mut now = seeds.clone();
    for _ in 0..rounds {
        let next = now.keys().filter(|n| **n != LAST).map(|n| n + 1);
        let rows: BTreeSet<u32> = seeds.keys().copied().chain(next).collect();
        now = rows.into_iter().map(|row| (row, 1)).collect();
    }
    now
}

fn is_complete(seeds: &Collection<u32>, rounds: u32) -> bool {
    counted_up(seeds, rounds) == counted_up(seeds, rounds + 1)
}

fn seed(random: &mut Random) -> u32 {
    random.between(4, 26) as u32
}

#[test]
fn g11_a_loop_that_still_changes_at_its_limit_ends_the_run() {
    let (mut failures, mut ends) = (0, 0);
    for number in 0..4 * SEEDS {
        let mut random = Random::new(number);
        let edits = edits(&mut random, (6, 1), |random| random.between(9, 26) as u32);
        let at = at_each_time(&edits);
        let fails = at.iter().position(|seeds| !is_complete(seeds, 9));
        let mut graph = counts_up::harness();
        let mut out = Collection::new();
        for (time, changes) in edits.iter().enumerate() {
            for (data, diff) in changes {
                graph.inputs.seeds.update(Update {
                    data: *data,
                    time: LogicalTime(time as u64),
                    diff: *diff,
                });
            }
            graph.inputs.seeds.advance_to(LogicalTime(time as u64 + 1));
            let ran = graph.try_settle();
            take_in(&mut out, time, graph.outputs.out.updates());
            if fails == Some(time) {
                let error = ran.expect_err("it still changes").to_string();
                assert!(error.contains("`up`") && error.contains("9 rounds"), "{error}");
                assert!(error.contains(&format!("at time {time}: ")), "{error}");
                let (stopped, next) = (counted_up(&at[time], 9), counted_up(&at[time], 10));
                let new: Vec<_> = next.keys().filter(|row| !stopped.contains_key(row)).collect();
                assert!(new.iter().any(|row| error.contains(&row.to_string())), "{new:?} in {error}");
                assert!(
                    !graph.outputs.out.frontier().closes(&LogicalTime(time as u64)),
                    "{time} is not closed"
                );
                let before = time.checked_sub(1).map(|before| counted_up(&at[before], 9));
                assert_eq!(out, before.unwrap_or_default(), "nothing of that time comes out");
                failures += 1;
                break;
            }
            ran.expect("it comes to its end");
            assert_eq!(out, counted_up(&at[time], 9), "seed {number}, time {time} of {edits:?}");
        }
        if fails.is_none() {
            graph.finish().expect("nothing fails").assert_conserved();
            ends += 1;
        }
    }
    assert!(failures > 20 && ends > 20, "{failures} {ends}");
}

#[test]
fn g11_the_limit_is_just_enough_or_one_too_few() {
    for (seed, is_enough) in [(LAST - 9, true), (LAST - 10, false)] {
        let mut graph = counts_up::harness();
        graph.inputs.seeds.update(Update { data: seed, time: LogicalTime(0), diff: 1 });
        assert_eq!(graph.finish().is_ok(), is_enough);
    }
}

#[test]
fn g11_on_limit_return_gives_the_state_of_the_last_round() {
    for number in 0..2 * SEEDS {
        let mut random = Random::new(number ^ 0x11);
        let edits = edits(&mut random, (8, 2), seed);
        let oracle = |seeds: &Collection<u32>| counted_up(seeds, 9);
        follow!(counts_up_and_returns::harness(), seeds, out, edits, oracle, format!("seed {number}"));
        follow!(counts_nine_up::harness(), seeds, out, edits, oracle, format!("rounds, seed {number}"));
    }
}

/// Whether something stands at `incomplete` after each time.
fn says_incomplete(edits: &[Vec<(u32, i64)>]) -> Vec<bool> {
    let mut graph = counts_up_and_returns::harness();
    let mut said: Collection<String> = Collection::new();
    let says = edits.iter().enumerate().map(|(time, changes)| {
        let time = time as u64;
        for (data, diff) in changes {
            graph.inputs.seeds.update(Update { data: *data, time: LogicalTime(time), diff: *diff });
        }
        graph.inputs.seeds.advance_to(LogicalTime(time + 1));
        graph.settle();
        for change in graph.outputs.incomplete.updates() {
            assert_eq!((change.data.name, change.data.rounds, change.time.0), ("up", 9, time));
            add(&mut said, change.data.sample, change.diff);
        }
        assert!(graph.outputs.incomplete.frontier().closes(&LogicalTime(time)));
        !said.is_empty()
    });
    says.collect()
}

#[test]
fn g11_a_loop_that_is_stopped_says_so() {
    assert_eq!(says_incomplete(&[vec![(15, 1)], vec![(26, 1)]]), [false, true]);
}

#[test]
fn g11_a_loop_that_comes_to_its_end_again_is_not_incomplete() {
    assert_eq!(says_incomplete(&[vec![(7, 1)], vec![(7, -1)]]), [true, false]);
}

#[test]
fn g11_what_stands_at_incomplete_is_whether_the_loop_was_stopped() {
    for number in 0..2 * SEEDS {
        let mut random = Random::new(number ^ 0x12);
        let edits = edits(&mut random, (8, 2), seed);
        let stopped: Vec<_> = at_each_time(&edits).iter().map(|seeds| !is_complete(seeds, 9)).collect();
        assert_eq!(says_incomplete(&edits), stopped, "seed {number}: {edits:?}");
    }
}

macro_rules! flips {
    ($name:ident, #[$($limit:tt)*] $($more:tt)*) => {
        graph! {
            graph $name(bits: Update<bool, LogicalTime, i64>) -> (out: Update<bool, LogicalTime, i64>) {
                #[$($limit)*]
                iterate flip {
                    var bit: bool = bits;
                    bit -> map(|bit: bool| !bit) -> bit;
                }
                flip.bit -> out;
                $($more)*
            }
        }
    };
}

flips!(flips, #[max_rounds(7)]);
flips!(flips_and_returns, #[max_rounds(7), on_limit = return] flip.incomplete -> discard;);

#[test]
fn g11_x_becoming_not_x_comes_to_the_limit() {
    let mut graph = flips::harness();
    // As many of both: flipped, they are the same.
    for bit in [true, false] {
        graph.inputs.bits.update(Update { data: bit, time: LogicalTime(0), diff: 2 });
    }
    graph.inputs.bits.update(Update { data: true, time: LogicalTime(4), diff: 1 });
    let error = graph.finish().map(|_| ()).expect_err("it never ends").to_string();
    let names = ["`flip`", "7 rounds", "true", "false"];
    assert!(names.iter().all(|name| error.contains(name)), "{error}");
    let out: Vec<_> =
        graph.outputs.out.updates().into_iter().map(|row| (row.time.0, row.data, row.diff)).collect();
    assert_eq!(out, [(0, false, 2), (0, true, 2)], "time 0 had come to its end");

    for number in 0..SEEDS {
        let edits = edits(&mut Random::new(number), (8, 2), |random| random.percent(50));
        let oracle = |bits: &Collection<bool>| collection(bits.iter().map(|(bit, weight)| (!bit, *weight)));
        follow!(flips_and_returns::harness(), bits, out, edits, oracle, format!("seed {number}"));
    }
}

/// What a round makes of a row.
#[derive(Clone, Copy, Debug)]
enum Step {
    Permute,
    Halve,
    Stay,
}

const STEPS: [Step; 3] = [Step::Permute, Step::Halve, Step::Stay];

impl Step {
    fn of(self, row: u8) -> u8 {
        match self {
            Step::Permute => (row * 5 + 3) % 16,
            Step::Halve => row / 2,
            Step::Stay => row,
        }
    }
}

/// Seeds and targets in one stream, which a flag tells apart.
type Marked = (bool, u8);

fn of_flag(flag: bool) -> impl Fn(Marked) -> Option<u8> + Clone {
    move |row| (row.0 == flag).then_some(row.1)
}

fn alone(key: u8) -> Keyed<u8, ()> {
    Keyed { key, value: () }
}

macro_rules! walks {
    ($name:ident, #[$($limit:tt)*] $($more:tt)*) => {
        graph! {
            /// Goes until a row meets a target.
            graph $name(rows: Update<Marked, LogicalTime, i64>; step: Step) -> (out: Update<(u8, u8), LogicalTime, i64>) {
                seeds   = filter_map(of_flag(true));
                targets = filter_map(of_flag(false));
                rows -> [seeds, targets];
                #[until(hit)]
                #[$($limit)*]
                iterate walking {
                    var now: u8 = seeds;
                    var visited: u8;
                    now -> map(move |row: u8| step.of(row)) -> now;
                    all = map(|row: u8| row);
                    [visited, now] -> differential::distinct() -> all;
                    all -> visited;
                    meets = differential::join_map(|row: &u8, (): &(), (): &()| *row);
                    now -> map(alone) -> meets.left;
                    targets -> map(alone) -> meets.right;
                    hit = map(|row: u8| row);
                    meets -> hit;
                }
                at   = map(|row: u8| (0, row));
                seen = map(|row: u8| (1, row));
                met  = map(|row: u8| (2, row));
                walking.now -> at;
                walking.all -> seen;
                walking.hit -> met;
                [at, seen, met] -> out;
                $($more)*
            }
        }
    };
}

walks!(walks, #[rounds(12)]);
walks!(walks_and_returns, #[max_rounds(12), on_limit = return] walking.incomplete -> discard;);
walks!(walks_or_fails, #[max_rounds(12)]);

/// What a walk comes to: where it is, what it has seen, and what it has met; and in which round it ends, if it does in 12.
fn walked(rows: &Collection<Marked>, step: Step) -> (Collection<(u8, u8)>, Option<u32>) {
    let of = |flag: bool| {
        let rows = rows.iter().filter(move |(row, _)| row.0 == flag);
        rows.map(|(row, weight)| (row.1, *weight)).collect::<Collection<u8>>()
    };
    let (mut now, targets) = (of(true), of(false));
    let mut seen = BTreeSet::new();
    for round in 0.. {
        let had_seen = seen.len();
        seen.extend(now.keys().copied());
        let met = now.iter().filter_map(|(row, weight)| Some((*row, weight * targets.get(row)?)));
        let met: Collection<u8> = met.collect();
        let next = collection(now.iter().map(|(row, weight)| (step.of(*row), *weight)));
        let is_at_its_end = !met.is_empty() || next == now && (round > 0 && had_seen == seen.len());
        if is_at_its_end || round == 12 {
            let at = now.into_iter().map(|(row, weight)| ((0, row), weight));
            let seen = seen.into_iter().map(|row| ((1, row), 1));
            let met = met.into_iter().map(|(row, weight)| ((2, row), weight));
            return (at.chain(seen).chain(met).collect(), is_at_its_end.then_some(round));
        }
        now = next;
    }
    unreachable!("it ends in round 12")
}

fn marked_edits(seed: u64) -> Edits<Marked> {
    let mut random = Random::new(seed ^ 0x0E);
    let size = random.pick(&[(30, 1), (10, 3)]);
    let seeds = random.pick(&[30, 60, 80]);
    let draw = |random: &mut Random| (random.percent(seeds), random.below(16) as u8);
    edits(&mut random, size, draw)
}

#[test]
fn g_until_a_loop_ends_in_the_first_round_in_which_its_stream_has_a_row() {
    let mut ends = BTreeSet::new();
    for seed in 0..2 * SEEDS {
        for step in STEPS {
            let edits = marked_edits(seed);
            let about = format!("{step:?}, seed {seed}");
            ends.extend(at_each_time(&edits).iter().map(|rows| walked(rows, step).1));
            let oracle = |rows: &Collection<Marked>| walked(rows, step).0;
            follow!(walks::harness(step), rows, out, edits, oracle, about);
            follow!(walks_and_returns::harness(step), rows, out, edits, oracle, about);
        }
    }
    assert!(ends.len() > 8, "edits move the end: {ends:?}");
}

#[test]
fn g_until_a_loop_that_has_not_ended_at_its_limit_fails() {
    let (mut failures, mut ends) = (0, 0);
    for seed in 0..2 * SEEDS {
        let edits = marked_edits(seed);
        let step = Step::Permute;
        let mut graph = walks_or_fails::harness(step);
        let mut out = Collection::new();
        let mut has_failed = false;
        for (time, (changes, now)) in edits.iter().zip(at_each_time(&edits)).enumerate() {
            for (data, diff) in changes {
                graph.inputs.rows.update(Update { data: *data, time: LogicalTime(time as u64), diff: *diff });
            }
            graph.inputs.rows.advance_to(LogicalTime(time as u64 + 1));
            // A permutation of everything is the same again, and nothing to fail for.
            let ran = graph.try_settle();
            let (expected, end) = walked(&now, step);
            let still_changes = end.is_none() && {
                let at: Collection<u8> =
                    expected.iter().filter(|(row, _)| row.0 == 0).map(|(row, w)| (row.1, *w)).collect();
                collection(at.iter().map(|(row, weight)| (step.of(*row), *weight))) != at
            };
            assert!(ran.is_err() == still_changes, "seed {seed}, time {time} of {edits:?}: {ran:?}");
            if ran.is_err() {
                has_failed = true;
                break;
            }
            take_in(&mut out, time, graph.outputs.out.updates());
            assert_eq!(out, expected, "seed {seed}, time {time} of {edits:?}");
        }
        if has_failed { failures += 1 } else { ends += 1 }
    }
    assert!(failures > 5, "{failures} {ends}");
}

graph! {
    /// Counts up until it has come to 3, which it does in round 3.
    graph counts_to_three(seeds: Update<u32, LogicalTime, i64>) -> (out: Update<u32, LogicalTime, i64>) {
        #[until(three)]
        #[max_rounds(3)]
        iterate counting {
            var number: u32 = seeds;
            three = map(|n: u32| n);
            number -> filter(|n| *n == 3) -> three;
            number -> map(|n| n + 1) -> number;
        }
        counting.number -> out;
    }
}

#[test]
fn g11_a_loop_that_is_ended_in_its_last_round_has_come_to_its_end() {
    for seed in [1, 0] {
        let mut graph = counts_to_three::harness();
        graph.inputs.seeds.update(Update { data: seed, time: LogicalTime(0), diff: 1 });
        graph.finish().expect("it comes to 3").assert_conserved();
        assert_eq!(graph.outputs.out.take(), [3], "from {seed}");
    }
}

graph! {
    /// The nodes around node 0, until there are so many.
    graph nearest(edges: Update<Edge, LogicalTime, i64>; number: u64) -> (nodes: Update<u8, LogicalTime, i64>) {
        zero = from_iter([0_u8]);
        zero -> from_start() -> root;
        root = map(|node: u8| node);
        #[until(enough)]
        iterate reach {
            var node: u8 = root;
            step = differential::join_map(|_, (): &(), to: &u8| *to);
            node -> map(alone) -> step.left;
            edges -> map(by_first) -> step.right;
            [node, step] -> differential::distinct() -> node;
            node -> differential::count_all() -> filter(move |nodes: &u64| *nodes >= number) -> enough;
            enough = map(|nodes: u64| nodes);
        }
        reach.node -> nodes;
    }
}

#[test]
fn g_until_what_ends_a_loop_may_be_all_that_a_variable_comes_to() {
    for seed in 0..2 * SEEDS {
        for number in [0, 1, 2, 4, 99] {
            let oracle = |edges: &Collection<Edge>| {
                let mut nodes = BTreeSet::from([0_u8]);
                while (nodes.len() as u64) < number {
                    let before = nodes.clone();
                    nodes.extend(edges.keys().filter(|edge| before.contains(&edge.0)).map(|edge| edge.1));
                    if nodes == before {
                        break;
                    }
                }
                collection(nodes.into_iter().map(|node| (node, 1)))
            };
            let edits = edge_edits(seed);
            follow!(nearest::harness(number), edges, nodes, edits, oracle, format!("{number}, seed {seed}"));
        }
    }
}

graph! {
    /// What is reached from node 0 by edges of the lowest levels, of as many as it takes to get to node 3.
    graph levels(edges: Update<Edge, LogicalTime, i64>) -> (nodes: Update<u8, LogicalTime, i64>) {
        zero = from_iter([0_u8]);
        zero -> from_start() -> root;
        root = map(|node: u8| node);
        #[until(there)]
        iterate open {
            var level: u8 = root;
            higher = map(|level: u8| (level + 1).min(3));
            level -> higher;
            [level, higher] -> differential::distinct() -> level;
            usable = differential::join_map(|_, (): &(), edge: &Edge| *edge);
            level -> map(alone) -> usable.left;
            edges -> map(|edge: Edge| Keyed { key: level_of(edge), value: edge }) -> usable.right;
            iterate reach {
                var node: u8 = root;
                step = differential::join_map(|_, (): &(), to: &u8| *to);
                node -> map(alone) -> step.left;
                usable -> map(by_first) -> step.right;
                [root, step] -> differential::distinct() -> node;
            }
            all = map(|node: u8| node);
            reach.node -> all;
            there = map(|node: u8| node);
            all -> filter(|node: &u8| *node == 3) -> there;
        }
        open.all -> nodes;
    }
}

fn level_of(edge: Edge) -> u8 {
    (edge.0 + 2 * edge.1) % 4
}

#[test]
fn g_until_a_loop_with_a_loop_in_it_ends_when_that_says_so() {
    let oracle = |edges: &Collection<Edge>| {
        let mut nodes = BTreeSet::new();
        for level in 0..4 {
            nodes = BTreeSet::from([0_u8]);
            loop {
                let before = nodes.clone();
                let usable = edges.keys().filter(|edge| level_of(**edge) <= level);
                nodes.extend(usable.filter(|edge| before.contains(&edge.0)).map(|edge| edge.1));
                if nodes == before {
                    break;
                }
            }
            if nodes.contains(&3) {
                break;
            }
        }
        collection(nodes.into_iter().map(|node| (node, 1)))
    };
    for seed in 0..2 * SEEDS {
        let mut random = Random::new(seed ^ 0x1E);
        let size = random.pick(&[(40, 1), (12, 4)]);
        let edits = edits(&mut random, size, edge(5));
        follow!(levels::harness(), edges, nodes, edits, oracle, format!("seed {seed}"));
    }
}

/// Runs edges and roots, each from a source of its own, through reachability and then through components of what is reached.
fn explore(
    edges: &[Change<Edge>],
    roots: &[Change<u8>],
    batch: usize,
) -> (Vec<(u64, u8, i64)>, Vec<(u64, Edge, i64)>) {
    let (reached, within) = (ChangeLog::default(), ChangeLog::default());
    let result = finish(
        graph! {
            edge_changes = from_iter(edges.to_vec());
            root_changes = from_iter(roots.to_vec());
            edges = scripted();
            roots = scripted();
            edge_changes -> edges;
            root_changes -> roots;
            iterate reach {
                var node: u8;
                step = differential::join_map(|_, (): &(), to: &u8| *to);
                node -> map(alone) -> step.left;
                edges -> map(by_first) -> step.right;
                [roots, step] -> differential::distinct() -> node;
            }
            nodes = map(|node: u8| node);
            reach.node -> nodes;
            // A loop behind a loop: paths of two and more edges among what is reached.
            from_there = differential::join_map(|from: &u8, (): &(), to: &u8| (*from, *to));
            nodes -> map(alone) -> from_there.left;
            edges -> map(by_first) -> from_there.right;
            iterate close {
                var path: Edge;
                longer = differential::join_map(|_, from: &u8, to: &u8| (*from, *to));
                path -> map(by_second) -> longer.left;
                from_there -> map(by_first) -> longer.right;
                [from_there, longer] -> differential::distinct() -> path;
            }
            nodes -> record_changes(&reached);
            close.path -> record_changes(&within);
        }
        .batch(batch)
        .run(),
    );
    result.assert_conserved();
    (emitted(&take(&reached)), emitted(&take(&within)))
}

#[test]
fn g_streams_that_start_late_and_times_that_close_together_change_nothing() {
    const TIMES: usize = 14;
    for seed in 0..SEEDS {
        let mut random = Random::new(seed ^ 0x2E);
        let (late_edges, late_roots) = (random.place(8), random.place(8));
        let mut edge_edits = edits(&mut random, (TIMES, 3), edge(5));
        let mut root_edits = edits(&mut random, (TIMES, 1), |random| random.below(5) as u8);
        let mut edges_from = vec![Vec::new(); late_edges];
        edges_from.extend(edge_edits.drain(..TIMES - late_edges));
        let mut roots_from = vec![Vec::new(); late_roots];
        roots_from.extend(root_edits.drain(..TIMES - late_roots));

        let edges = at_each_time(&edges_from);
        let roots = at_each_time(&roots_from);
        let expected = edges.iter().zip(&roots).map(|(edges, roots)| {
            let mut nodes: BTreeSet<u8> = roots.keys().copied().collect();
            let paths = paths_of(edges);
            nodes.extend(paths.keys().filter(|path| roots.contains_key(&path.0)).map(|path| path.1));
            let from_there = edges.keys().filter(|edge| nodes.contains(&edge.0)).map(|edge| (*edge, 1));
            (collection(nodes.iter().map(|node| (*node, 1))), paths_of(&collection(from_there)))
        });
        let (nodes, within): (Vec<_>, Vec<_>) = expected.unzip();
        let together = random.pick(&[1, 3, TIMES]);
        let (edges, roots) =
            (script(&mut random, &edges_from, together), script(&mut random, &roots_from, together));
        let first = explore(&edges, &roots, 1024);
        assert_eq!(summed(&first.0, TIMES), nodes, "seed {seed}");
        assert_eq!(summed(&first.1, TIMES), within, "seed {seed}");
        for batch in [1, 7] {
            assert_eq!(explore(&edges, &roots, batch), first, "seed {seed}, batch {batch}");
        }
    }
}

#[test]
fn g_a_loop_into_which_nothing_comes_is_empty_and_ends() {
    for batch in [1, 1024] {
        assert_eq!(explore(&[], &[], batch), (Vec::new(), Vec::new()));
    }
    let mut graph = closure::harness();
    graph.inputs.edges.advance_to(LogicalTime(5));
    graph.settle();
    assert!(graph.outputs.paths.updates().is_empty());
    assert!(graph.outputs.paths.frontier().closes(&LogicalTime(4)), "an empty loop holds nothing back");
    assert!(!graph.outputs.paths.frontier().closes(&LogicalTime(5)));
    graph.finish().expect("nothing fails").assert_conserved();
    assert!(graph.outputs.paths.updates().is_empty());
}

graph! {
    graph short(seeds: Update<u8, LogicalTime, i64>) -> (out: Update<u8, LogicalTime, i64>) {
        iterate up {
            var n: u8 = seeds;
            n -> filter(|n| *n < 5) -> map(|n| n + 1) -> n;
        }
        up.n -> out;
    }
}

/// The picture of a named graph has to find the ends of its names.
#[test]
fn a_loop_and_its_variable_may_have_short_names() {
    let mut graph = short::harness();
    graph.inputs.seeds.update(Update { data: 2, time: LogicalTime(0), diff: 1 });
    graph.finish().expect("nothing fails").assert_conserved();
    assert_eq!(graph.outputs.out.updates().len(), 0);
}
