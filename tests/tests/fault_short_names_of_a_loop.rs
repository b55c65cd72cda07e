//! A loop and a variable with names of a few letters: the picture of a named graph that has one is drawn, too.

use streamweave::prelude::*;

graph! {
    graph counts(seeds: Update<u8, LogicalTime, i64>) -> (out: Update<u8, LogicalTime, i64>) {
        iterate up {
            var n: u8 = seeds;
            n -> filter(|n| *n < 5) -> map(|n| n + 1) -> n;
        }
        up.n -> out;
    }
}

#[test]
fn fault_a_loop_may_have_a_short_name() {
    let mut graph = counts::harness();
    graph.inputs.seeds.update(Update { data: 2, time: LogicalTime(0), diff: 1 });
    graph.finish().expect("nothing fails").assert_conserved();
}
