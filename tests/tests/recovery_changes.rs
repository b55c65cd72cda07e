//! Rule H4 for operators over changes: a graph that is saved at any step and goes on in another process gives what it would have
//! given (rule Z1), loops, shared collections and views included.

use streamweave::differential::View;
use streamweave::differential::iterate::Incomplete;
use streamweave::prelude::*;
use streamweave_tests::cuts::{Step, changes, cuts};
use streamweave_tests::memory::Memory;
use streamweave_tests::{finish, survives};

const SEEDS: u64 = 8;

/// A row of a key, a change of it.
type Row = (u8, u8);

fn keyed(row: Row) -> Keyed<u8, u8> {
    Keyed { key: row.0, value: row.1 }
}

graph! {
    graph added_up(rows: Update<Row, LogicalTime, i64>) -> (
        counts: Update<Keyed<u8, u64>, LogicalTime, i64>, all: Update<u64, LogicalTime, i64>, sums: Update<Keyed<u8, i128>, LogicalTime, i64>,
        averages: Update<Keyed<u8, differential::Average>, LogicalTime, i64>, consolidated: Update<Row, LogicalTime, i64>, opposite: Update<Row, LogicalTime, i64>,
    ) {
        #![durable]
        by_key = map(keyed);
        rows -> by_key;
        by_key -> differential::count() -> counts;
        rows -> differential::count_all() -> all;
        by_key -> differential::sum() -> sums;
        by_key -> differential::average() -> averages;
        rows -> differential::consolidate() -> consolidated;
        rows -> differential::negate() -> opposite;
    }
}

survives!(h4_what_is_added_up, SEEDS, added_up::harness(), changes, [0 rows], [counts, all, sums, averages, consolidated, opposite]);

graph! {
    graph reduced(rows: Update<Row, LogicalTime, i64>) -> (
        least: Update<Keyed<u8, u8>, LogicalTime, i64>, greatest: Update<Keyed<u8, u8>, LogicalTime, i64>, top: Update<Keyed<u8, Option<u8>>, LogicalTime, i64>,
        set: Update<Row, LogicalTime, i64>, thrice: Update<Row, LogicalTime, i64>, texts: Update<Keyed<u8, String>, LogicalTime, i64>,
    ) {
        #![durable]
        by_key = map(keyed);
        rows -> by_key;
        by_key -> differential::min() -> least;
        by_key -> differential::max() -> greatest;
        rows -> map(|row: Row| Keyed { key: row.0, value: (row.1 > 2).then_some(row.1) }) -> differential::top_n(2) -> top;
        rows -> differential::distinct() -> set;
        rows -> differential::threshold(|_, times: &i64| 3 * times) -> thrice;
        by_key -> differential::reduce(|_, rows: &[(u8, i64)], out: &mut Vec<(String, i64)>| out.push((format!("{rows:?}"), 1))) -> texts;
    }
}

survives!(h4_what_the_rows_of_a_key_come_to, SEEDS, reduced::harness(), changes, [0 rows], [least, greatest, top, set, thrice, texts]);

graph! {
    graph joined(lefts: Update<Row, LogicalTime, i64>, rights: Update<Row, LogicalTime, i64>) -> (
        pairs: Update<Keyed<u8, (u8, u8)>, LogicalTime, i64>, mapped: Update<(u8, u8, u8), LogicalTime, i64>, half: Update<Keyed<u8, u8>, LogicalTime, i64>, anti: Update<Keyed<u8, u8>, LogicalTime, i64>,
        left: Update<Keyed<u8, (u8, Option<u8>)>, LogicalTime, i64>, right: Update<Keyed<u8, (Option<u8>, u8)>, LogicalTime, i64>,
        full: Update<Keyed<u8, (Option<u8>, Option<u8>)>, LogicalTime, i64>, held: Update<Keyed<u8, (u8, Option<u8>)>, LogicalTime, i64>,
    ) {
        #![durable]
        by_left = map(keyed);
        lefts -> by_left;
        by_right = map(keyed);
        rights -> by_right;
        inner = differential::join();
        by_left -> inner.left;
        by_right -> inner.right;
        inner -> pairs;
        merged = differential::join_map(|key: &u8, left: &u8, right: &u8| (*key, *left, *right));
        by_left -> merged.left;
        by_right -> merged.right;
        merged -> mapped;
        with = differential::semijoin();
        by_left -> with.left;
        by_right -> with.right;
        with -> half;
        without = differential::antijoin();
        by_left -> without.left;
        by_right -> without.right;
        without -> anti;
        left_outer = differential::left_join();
        by_left -> left_outer.left;
        by_right -> left_outer.right;
        left_outer -> left;
        right_outer = differential::right_join();
        by_left -> right_outer.left;
        by_right -> right_outer.right;
        right_outer -> right;
        outer = differential::full_join();
        by_left -> outer.left;
        by_right -> outer.right;
        outer -> full;
        version = differential::as_of(|row: &u8| *row, |version: &u8| *version);
        by_left -> version.left;
        by_right -> version.right;
        version -> held;
    }
}

survives!(
    h4_joins, SEEDS, joined::harness(), changes, [0 lefts, 1 rights], [pairs, mapped, half, anti, left, right, full, held]
);

graph! {
    graph shared(rows: Update<Row, LogicalTime, i64>, lefts: Update<Row, LogicalTime, i64>, others: Update<Row, LogicalTime, i64>) -> (
        first: Update<(u8, u8, u8), LogicalTime, i64>, second: Update<(u8, u8, u8), LogicalTime, i64>, reached: Update<u8, LogicalTime, i64>,
    ) {
        #![durable]
        by_key = differential::arrange();
        one = differential::join_arranged(|key: &u8, left: &u8, right: &u8| (*key, *left, *right));
        two = differential::join_arranged(|key: &u8, left: &u8, right: &u8| (*key, *left, *right));
        rows -> map(keyed) -> by_key;
        by_key -> one.right;
        by_key -> two.right;
        lefts -> map(keyed) -> one.left;
        others -> map(keyed) -> two.left;
        one -> first;
        two -> second;
        roots = map(|row: Row| row.0);
        lefts -> roots;
        iterate reach {
            var node: u8 = roots;
            step = differential::join_arranged(|_, (): &(), next: &u8| *next);
            node -> map(|node: u8| Keyed { key: node, value: () }) -> step.left;
            by_key -> step.right;
            [roots, step] -> differential::distinct() -> node;
        }
        reach.node -> reached;
    }
}

survives!(h4_collections_that_are_shared, SEEDS, shared::harness(), changes, [0 rows, 1 lefts, 2 others], [first, second, reached]);

graph! {
    graph looped(edges: Update<Row, LogicalTime, i64>) -> (paths: Update<Row, LogicalTime, i64>, labels: Update<Keyed<u8, u8>, LogicalTime, i64>, nested: Update<Row, LogicalTime, i64>) {
        #![durable]
        iterate close {
            var path: Row = edges;
            longer = differential::join_map(|_, from: &Row, to: &Row| (from.0, to.1));
            path -> key_by(|path: &Row| path.1) -> longer.left;
            edges -> key_by(|edge: &Row| edge.0) -> longer.right;
            [edges, longer] -> differential::distinct() -> path;
        }
        close.path -> paths;

        own = flat_map(|edge: Row| [Keyed { key: edge.0, value: edge.0 }, Keyed { key: edge.1, value: edge.1 }]);
        edges -> own;
        way = flat_map(|edge: Row| [keyed(edge), keyed((edge.1, edge.0))]);
        edges -> way;
        iterate spread {
            var label: Keyed<u8, u8>;
            own -> differential::from_round(|row: &Keyed<u8, u8>| u32::from(row.value) * 2) -> start;
            start = map(|row: Keyed<u8, u8>| row);
            next = differential::join_map(|_, label: &u8, to: &u8| Keyed { key: *to, value: *label });
            label -> next.left;
            way -> next.right;
            [start, next] -> differential::min() -> label;
        }
        spread.label -> labels;

        // Edges that lead nowhere are taken away, again and again, of what can be reached of a loop inside.
        iterate trim {
            var left: Row = edges;
            iterate inner {
                var reached: Row = left;
                more = differential::join_map(|_, from: &Row, to: &Row| (from.0, to.1));
                reached -> key_by(|path: &Row| path.1) -> more.left;
                left -> key_by(|edge: &Row| edge.0) -> more.right;
                [left, more] -> differential::distinct() -> reached;
            }
            kept = differential::semijoin();
            left -> key_by(|edge: &Row| edge.1) -> kept.left;
            inner.reached -> key_by(|path: &Row| path.0) -> kept.right;
            kept -> map(|row: Keyed<u8, Row>| row.value) -> left;
        }
        trim.left -> nested;
    }
}

survives!(h4_loops, SEEDS / 2, looped::harness(), changes, [0 edges], [paths, labels, nested]);

graph! {
    graph limited(rows: Update<Row, LogicalTime, i64>) -> (numbers: Update<u8, LogicalTime, i64>, incomplete: Update<Incomplete, LogicalTime, i64>, walked: Update<u8, LogicalTime, i64>, few: Update<u8, LogicalTime, i64>) {
        #![durable]
        seeds = map(|row: Row| row.0 * 7 + row.1);
        rows -> seeds;
        #[max_rounds(6), on_limit = return]
        iterate up {
            var number: u8 = seeds;
            next = map(|n: u8| n + 1);
            number -> filter(|n: &u8| *n < 12) -> next;
            [seeds, next] -> differential::distinct() -> number;
        }
        up.number -> numbers;
        up.incomplete -> incomplete;

        #[until(hit)]
        #[rounds(9)]
        iterate walking {
            var now: u8 = seeds;
            now -> map(|row: u8| (row * 5 + 3) % 16) -> now;
            hit = filter(|row: &u8| *row == 4);
            now -> hit;
        }
        walking.now -> walked;

        #[rounds(3)]
        iterate thrice {
            var now: u8 = seeds;
            now -> map(|row: u8| row / 2) -> now;
        }
        thrice.now -> few;
    }
}

survives!(h4_loops_that_are_stopped, SEEDS, limited::harness(), changes, [0 rows], [numbers, incomplete, walked, few]);

graph! {
    graph taken(rows: Update<Row, LogicalTime, i64>) -> (rows_then: Row) {
        #![durable]
        rows -> differential::to_snapshot(LogicalTime(6)) -> rows_then;
    }
}

survives!(h4_a_collection_as_of_a_time, SEEDS, taken::harness(), changes, [0 rows], [rows_then]);

graph! {
    graph stock(rows: Update<Row, LogicalTime, i64>; shown: View<u8, u8, LogicalTime>) -> (passed: Update<Row, LogicalTime, i64>) {
        #![durable]
        rows -> map(keyed) -> differential::publish(shown);
        rows -> passed;
    }
}

#[test]
fn h4_a_view_shows_what_it_showed() {
    for seed in 0..SEEDS {
        let script = changes(seed, 1);
        let run = |cuts: &std::collections::BTreeSet<usize>| {
            let mut view = View::new();
            let mut graph = stock::harness(view.clone());
            let mut shown = Vec::new();
            for (number, step) in script.iter().enumerate() {
                if cuts.contains(&number) {
                    let saved = graph.save();
                    view = View::new();
                    let (_, mut changes) = view.subscribe();
                    graph = stock::harness(view.clone());
                    graph.restore(&saved).expect("the same graph");
                    let snapshot = view.snapshot();
                    // Who has subscribed before has what the snapshot has.
                    let came = changes.now();
                    let came: Vec<_> = came.iter().flat_map(|changes| changes.rows()).collect();
                    assert!(came.into_iter().eq(snapshot.iter()));
                    assert_eq!(changes.frontier(), view.frontier());
                }
                let Step::Send(_, message) = step else { continue };
                graph.inputs.rows.message(message.clone());
                graph.settle();
                let snapshot = view.snapshot();
                let rows: Vec<_> = snapshot.iter().map(|(key, value, times)| (*key, *value, times)).collect();
                shown.push((*snapshot.frontier(), snapshot.len(), rows));
            }
            shown
        };
        let cuts = cuts(seed, script.len());
        let uncut = run(&cuts[0]);
        for cuts in &cuts[1..] {
            assert_eq!(run(cuts), uncut, "seed {seed}, cut at {cuts:?} of {script:#?}");
        }
    }
}

graph! {
    /// Two loops whose variables share a name, lists of streams and buffers: none of these has a name of its own.
    graph nameless(rows: Update<Row, LogicalTime, i64>, more: Update<Row, LogicalTime, i64>) -> (
        up: Update<u8, LogicalTime, i64>, down: Update<u8, LogicalTime, i64>, both: Update<u8, LogicalTime, i64>,
    ) {
        #![durable]
        start = map(|row: Row| row.1);
        #[cap(8)]
        rows -> start;
        others = map(|row: Row| row.1);
        #[cap(8)]
        more -> others;
        #[rounds(3)]
        iterate rising {
            var now: u8 = start;
            now -> map(|row: u8| row.saturating_add(1)) -> next;
            next = map(|row: u8| row);
            [next, start] -> differential::distinct() -> now;
        }
        #[rounds(3)]
        iterate falling {
            var now: u8 = [start, others];
            now -> map(|row: u8| row / 2) -> next;
            next = map(|row: u8| row);
            [next, start] -> differential::distinct() -> now;
        }
        rising.now -> up;
        falling.now -> down;
        [rising.next, falling.next] -> differential::distinct() -> both;
    }
}

survives!(h4_nodes_that_have_no_name_of_their_own, SEEDS, nameless::harness(), changes, [0 rows, 1 more], [up, down, both]);

#[test]
fn h12_every_node_that_keeps_something_has_a_name() {
    let (graph, inputs, _outputs) = nameless::open();
    drop(inputs);
    finish(graph.checkpoints(Checkpoints::in_storage(Memory::default(), "memory").in_place()).run());
}
