//! State that need not fit into memory, in a graph: `cargo test -p streamweave --features lsm --test large_state`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use streamweave::Error;
use streamweave::checkpoint::{Archive, Checkpoints, Kept};
use streamweave::prelude::*;
use streamweave::state::LargeMap;

/// How often each key has come.
#[derive(State)]
struct Counted {
    #[state]
    counts: LargeMap<u64, u64>,
}

#[node]
impl Counted {
    fn on_key(&mut self, key: u64, out: &mut Out<u64>) {
        let count = self.counts.entry(key, || 0);
        *count += 1;
        out.send(*count);
    }
}

const ROWS: u64 = 20_000;

fn key_of(row: u64) -> u64 {
    row * row % 6_007
}

/// Counts the keys of all rows, in so many entries in memory; the row `fails` panics.
fn count(
    held: LargeMap<u64, u64>,
    checkpoints: Option<Checkpoints>,
    fails: Option<u64>,
) -> Result<Vec<u64>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let graph = graph! {
            #![durable = exactly_once]
            rows = from_iter(0..ROWS);
            counted = Counted(Counted { counts: held });
            counts = collect();
            rows -> map(|row| {
                assert!(Some(row) != fails, "row {row} fails");
                key_of(row)
            }) -> counted.key;
            counted -> counts;
        }
        .batch(64);
        let graph = match checkpoints {
            Some(checkpoints) => graph.checkpoints(checkpoints),
            None => graph,
        };
        graph.run().await.map(|outcome| outcome.counts)
    })
}

fn path_of(test: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("streamweave-large-state-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

#[test]
fn h1_a_graph_that_fails_again_and_again_comes_to_what_it_would_have() {
    let mut totals: BTreeMap<u64, u64> = BTreeMap::new();
    let mut expected = Vec::new();
    for row in 0..ROWS {
        let count = totals.entry(key_of(row)).or_default();
        *count += 1;
        expected.push(*count);
    }
    assert_eq!(count(LargeMap::holding(100), None, None).expect("nothing fails"), expected);

    let path = path_of("fails");
    let checkpoints = || Checkpoints::in_directory(&path).every(1.micros()).in_place();
    for fails in [3_000, 3_001, 9_000, 18_000] {
        let failed = count(LargeMap::holding(100), Some(checkpoints()), Some(fails));
        assert!(failed.is_err_and(|error| error.to_string().contains(&format!("row {fails} fails"))));
    }
    let counts = count(LargeMap::holding(100), Some(checkpoints()), None).expect("nothing fails");
    assert_eq!(counts, expected);

    let mut archive = Archive::in_directory(&path).expect("it is there");
    let last = archive.checkpoints().expect("they can be read").pop().expect("there are some");
    // Segments of most of them were merged.
    assert!(last.number > 50 && last.segments.len() < 20, "{} {}", last.number, last.segments.len());
    let contents = archive.contents(&last).expect("it is whole");
    let Kept::Map(entries) = &contents["counted"]["state.counts"] else { panic!("it is a map") };
    let number = |bytes: &[u8]| match bytes {
        [0xcd, high, low] => u64::from(*high) << 8 | u64::from(*low),
        [0xcc, byte] | [byte] => u64::from(*byte),
        other => panic!("no small number: {other:?}"),
    };
    let kept: Vec<(u64, u64)> = entries.iter().map(|(key, value)| (number(key), number(value))).collect();
    assert_eq!(kept, totals.into_iter().collect::<Vec<_>>());
    std::fs::remove_dir_all(&path).expect("it is there");
}

#[test]
fn a_directory_that_cannot_be_used_fails_the_node_and_is_named() {
    let path = path_of("unusable");
    std::fs::write(&path, "a file").expect("a temporary file");
    let failed = count(LargeMap::holding(100).in_directory(&path), None, None).expect_err("it is a file");
    let Error::Panicked(report) = &failed else { panic!("{failed}") };
    assert_eq!(report.node, "counted");
    assert!(report.message.contains(&path.display().to_string()), "{failed}");
    std::fs::remove_file(&path).expect("it is there");
}
