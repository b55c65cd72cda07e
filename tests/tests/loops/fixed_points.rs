//! What a loop comes to, against a recompute after each edit, and what it costs (rules G6 to G10).

use super::*;

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
