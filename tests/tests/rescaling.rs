//! State by key that goes on in another number of shards (rules H9 and H10): for each operator that keeps some, three shards that are
//! saved in the middle and go on as five, and then as two, give what one shard gives that never stops.

use std::fmt::Debug;

use serde::Serialize;
use streamweave::prelude::*;
use streamweave::state::{Shard, stable_hash};
use streamweave::testing::Saved;

/// So many rows of some thirty keys at times that rise, a little out of order; each run of rows is at one time and all shards come
/// as far.
fn rows() -> Vec<(EventTime, (u32, i64))> {
    (0..900_u32)
        .map(|row| {
            let mixed = row.wrapping_mul(2_654_435_761) >> 16;
            let time = i64::from(row / 3) - i64::from(mixed % 4);
            (EventTime::from_secs(time.max(0)), (mixed % 31, i64::from(mixed % 1_000)))
        })
        .collect()
}

/// Whether a shard owns the key of a row.
fn is_of<K: Serialize>(shard: Shard, key: &K) -> bool {
    shard.owns(stable_hash(key))
}

fn sorted<D: Ord>(mut rows: Vec<D>) -> Vec<D> {
    rows.sort();
    rows
}

/// Holds a graph with one keyed input `rows` of `(u32, i64)` and one output `out` to that: it is run in one shard that never stops, and in three,
/// five and two, each from what those before kept.
macro_rules! rescales {
    ($name:ident, $graph:ident) => {
        #[test]
        fn $name() {
            let rows = rows();
            let bounds = [0, 317, 604, rows.len()];
            let run = |of: u16, saved: &[Saved], part: usize| {
                let (mut kept, mut out) = (Vec::new(), Vec::new());
                let part = if of == 1 { 0..rows.len() } else { bounds[part]..bounds[part + 1] };
                for number in 0..of {
                    let shard = Shard::new(number, of);
                    let mut harness = $graph::harness();
                    if !saved.is_empty() {
                        harness.restore_shard(saved, shard).expect("it can be divided");
                    }
                    // All shards see how far time has come, and only their own rows.
                    let mut newest = 0;
                    for (time, row) in &rows[part.clone()] {
                        if is_of(shard, &row.0) {
                            harness.inputs.rows.send_at(*row, *time);
                        }
                        newest = newest.max(time.micros() / 1_000_000);
                        harness.inputs.rows.advance_to(EventTime::from_secs(newest - 5));
                    }
                    harness.settle();
                    if part.end == rows.len() {
                        harness.inputs.rows.close();
                        harness.settle();
                    } else {
                        kept.push(harness.save());
                    }
                    out.extend(harness.outputs.out.take());
                }
                (kept, out)
            };
            let (_, whole) = run(1, &[], 0);
            let (saved, mut out) = run(3, &[], 0);
            let (saved, more) = run(5, &saved, 1);
            out.extend(more);
            let (_, more) = run(2, &saved, 2);
            out.extend(more);
            assert!(whole.len() > 10, "{}", whole.len());
            assert_eq!(sorted(out), sorted(whole));
        }
    };
}

/// What a keyed pane says, to be compared.
fn said<B: Debug>(row: &Keyed<u32, Pane<B>>) -> String {
    format!("{} {:?} {:?}", row.key, row.value.window, row.value.value)
}

graph! {
    graph tumbled(rows: Timed<(u32, i64), EventTime>) -> (out: Timed<String, EventTime>) {
        #![durable]
        sums = tumbling(20.secs()).aggregate(Sum::new);
        rows -> key_by(|row| row.0) -> map(|row| Keyed { key: row.key, value: row.value.1 }) -> sums -> map(|row| said(&row)) -> out;
        sums.late -> discard;
    }
}
rescales!(h10_tumbling_windows_follow_their_keys, tumbled);
