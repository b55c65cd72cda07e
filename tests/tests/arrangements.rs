//! Collections that several operators share: each reads what a join of its own would keep.

use std::collections::BTreeMap;

use streamweave::prelude::*;
use streamweave::testing::Tap;
use streamweave_tests::random::Random;

graph! {
    graph shared(
        rows: Update<Keyed<u8, u8>, LogicalTime, i64>,
        lefts: Update<Keyed<u8, u8>, LogicalTime, i64>,
        others: Update<Keyed<u8, u8>, LogicalTime, i64>,
    ) -> (
        first: Update<(u8, u8, u8), LogicalTime, i64>,
        second: Update<(u8, u8, u8), LogicalTime, i64>,
        own: Update<(u8, u8, u8), LogicalTime, i64>,
    ) {
        by_key = differential::arrange();
        one = differential::join_arranged(|key: &u8, left: &u8, right: &u8| (*key, *left, *right));
        two = differential::join_arranged(|key: &u8, left: &u8, right: &u8| (*key, *left, *right));
        alone = differential::join_map(|key: &u8, left: &u8, right: &u8| (*key, *left, *right));
        rows -> by_key;
        by_key -> one.right;
        by_key -> two.right;
        rows -> alone.right;
        lefts -> one.left;
        lefts -> alone.left;
        others -> two.left;
        one -> first;
        two -> second;
        alone -> own;
    }
}

graph! {
    graph reached(edges: Update<(u8, u8), LogicalTime, i64>, roots: Update<u8, LogicalTime, i64>)
        -> (shared: Update<u8, LogicalTime, i64>, own: Update<u8, LogicalTime, i64>)
    {
        by_start = differential::arrange();
        edges -> map(|(from, to)| Keyed { key: from, value: to }) -> by_start;
        iterate with_arrangement {
            var node: u8 = roots;
            step = differential::join_arranged(|_, (), next: &u8| *next);
            node -> map(|node| Keyed { key: node, value: () }) -> step.left;
            by_start -> step.right;
            [roots, step] -> differential::distinct() -> node;
        }
        iterate by_itself {
            var node: u8 = roots;
            step = differential::join_map(|_, (), next: &u8| *next);
            node -> map(|node| Keyed { key: node, value: () }) -> step.left;
            edges -> map(|(from, to)| Keyed { key: from, value: to }) -> step.right;
            [roots, step] -> differential::distinct() -> node;
        }
        with_arrangement.node -> shared;
        by_itself.node -> own;
    }
}

/// The changes of each time, added up.
fn by_time<D: Ord>(tap: &mut Tap<D, LogicalTime, i64>) -> BTreeMap<(LogicalTime, D), i64> {
    let mut sums = BTreeMap::new();
    tap.updates().into_iter().for_each(|row| *sums.entry((row.time, row.data)).or_insert(0) += row.diff);
    sums.retain(|_, sum| *sum != 0);
    sums
}

#[test]
fn e9_operators_that_share_an_arrangement_give_what_a_join_of_their_own_gives() {
    for seed in 1..=20 {
        let mut random = Random::new(seed);
        let mut graph = shared::harness();
        for time in 0..40 {
            for _ in 0..random.below(12) {
                let row = Keyed { key: random.below(4) as u8, value: random.below(3) as u8 };
                let diff = if random.below(3) == 0 { -1 } else { 1 };
                let update = Update { data: row, time: LogicalTime(time), diff };
                match random.below(3) {
                    0 => graph.inputs.rows.update(update),
                    // Those of the second join come late all together: it reads the arrangement as of times long gone.
                    1 => graph.inputs.others.update(update),
                    _ => graph.inputs.lefts.update(update),
                }
            }
            graph.inputs.rows.advance_to(LogicalTime(time + 1));
            graph.inputs.lefts.advance_to(LogicalTime(time + 1));
            if random.below(4) == 0 {
                graph.settle();
            }
        }
        graph.finish().expect("nothing fails").assert_conserved();
        let (first, own) = (by_time(&mut graph.outputs.first), by_time(&mut graph.outputs.own));
        assert!(!own.is_empty());
        assert_eq!(first, own, "seed {seed}");
    }
}

#[test]
fn a_join_that_lags_reads_the_arrangement_as_it_was() {
    for seed in 1..=20 {
        let mut random = Random::new(seed);
        let mut graph = shared::harness();
        let mut rows: Vec<(Keyed<u8, u8>, u64, i64)> = Vec::new();
        for time in 0..30 {
            for _ in 0..random.below(6) {
                let row = Keyed { key: random.below(3) as u8, value: random.below(3) as u8 };
                let diff = if random.below(3) == 0 { -1 } else { 1 };
                graph.inputs.rows.update(Update { data: row, time: LogicalTime(time), diff });
                rows.push((row, time, diff));
            }
            graph.inputs.rows.advance_to(LogicalTime(time + 1));
            graph.settle();
        }
        // A row of the left that is there at one time alone sees the collection as of that time, and as of no other.
        let mut expected = BTreeMap::new();
        for time in 0..30 {
            let key = random.below(3) as u8;
            let left = Keyed { key, value: 9 };
            graph.inputs.others.update(Update { data: left, time: LogicalTime(time), diff: 1 });
            graph.inputs.others.update(Update { data: left, time: LogicalTime(time + 1), diff: -1 });
            for at in [time, time + 1] {
                let sign = if at == time { 1 } else { -1 };
                for (row, _, diff) in rows.iter().filter(|(row, from, _)| row.key == key && *from <= time) {
                    *expected.entry((LogicalTime(at), (key, 9, row.value))).or_insert(0) += sign * diff;
                }
            }
        }
        expected.retain(|_, sum| *sum != 0);
        graph.finish().expect("nothing fails").assert_conserved();
        assert_eq!(by_time(&mut graph.outputs.second), expected, "seed {seed}");
    }
}

#[test]
fn an_arrangement_from_outside_is_read_in_a_loop() {
    let mut changes = 0;
    for seed in 1..=20 {
        let mut random = Random::new(seed);
        let mut graph = reached::harness();
        graph.inputs.roots.update(Update { data: 0, time: LogicalTime(0), diff: 1 });
        let mut present: Vec<(u8, u8)> = Vec::new();
        for time in 0..40 {
            for _ in 0..1 + random.below(3) {
                let gone = random.below(2) == 0 && !present.is_empty();
                let edge = match gone {
                    true => present.swap_remove(random.place(present.len())),
                    false => (random.below(8) as u8, random.below(8) as u8),
                };
                if !gone {
                    present.push(edge);
                }
                let diff = if gone { -1 } else { 1 };
                graph.inputs.edges.update(Update { data: edge, time: LogicalTime(time), diff });
            }
        }
        graph.finish().expect("nothing fails").assert_conserved();
        let (shared, own) = (graph.outputs.shared.updates(), graph.outputs.own.updates());
        changes += own.len();
        assert_eq!(shared, own, "seed {seed}");
    }
    assert!(changes > 200, "{changes}");
}
