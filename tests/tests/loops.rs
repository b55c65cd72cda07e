//! Loops to a fixed point.

use streamweave::prelude::*;

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
