//! Loops that a stream ends, loops in loops, and streams that start late.

use super::*;

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
