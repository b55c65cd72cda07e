//! Rows with the version that held at their time, of rows and versions that both come and go: against a recompute at every time.

use std::collections::BTreeMap;

use streamweave::prelude::*;
use streamweave_tests::edits::{Edits, collection, edits};
use streamweave_tests::random::Random;

/// A version: from when it holds, and what it says.
type Version = (u8, u8);

graph! {
    graph versioned(
        rows: Update<Keyed<u8, u8>, LogicalTime, i64>,
        versions: Update<Keyed<u8, Version>, LogicalTime, i64>,
    ) -> (out: Update<(u8, u8, Option<Version>), LogicalTime, i64>)
    {
        held = differential::as_of(|at: &u8| *at, |version: &Version| version.0);
        rows -> held.left;
        versions -> held.right;
        held -> map(|row| (row.key, row.value.0, row.value.1)) -> out;
    }
}

/// The changes of the times up to one.
fn up_to<D: Ord + Clone>(edits: &Edits<D>, time: usize) -> BTreeMap<D, i64> {
    collection(edits[..=time].iter().flatten().cloned())
}

#[test]
fn e7_changes_of_rows_and_versions_correct_what_held_at_a_rows_time() {
    let mut changed = 0;
    for seed in 1..=30 {
        let mut random = Random::new(seed);
        let row = |random: &mut Random| (random.below(3) as u8, random.below(8) as u8);
        let rows = edits(&mut random, (30, 4), row);
        let version =
            |random: &mut Random| (random.below(3) as u8, (random.below(8) as u8, random.below(3) as u8));
        let versions = edits(&mut random, (30, 3), version);
        let mut graph = versioned::harness();
        for time in 0..30 {
            let at = LogicalTime(time as u64);
            for ((key, value), diff) in rows[time].iter().copied() {
                graph.inputs.rows.update(Update { data: Keyed { key, value }, time: at, diff });
            }
            for ((key, value), diff) in versions[time].iter().copied() {
                graph.inputs.versions.update(Update { data: Keyed { key, value }, time: at, diff });
            }
        }
        graph.finish().expect("nothing fails").assert_conserved();
        let out = graph.outputs.out.updates();
        changed += out.len();
        for time in 0..30 {
            let there = up_to(&versions, time);
            let held = up_to(&rows, time).into_iter().map(|((key, at), weight)| {
                let known = there.keys().filter(|(of, version)| *of == key && version.0 <= at);
                // E8: of one time the greatest.
                ((key, at, known.map(|(_, version)| *version).max()), weight)
            });
            let given = out.iter().filter(|row| row.time.0 <= time as u64).map(|row| (row.data, row.diff));
            assert_eq!(collection(given), collection(held), "seed {seed}, time {time}");
        }
    }
    assert!(changed > 1_000, "{changed}");
}
