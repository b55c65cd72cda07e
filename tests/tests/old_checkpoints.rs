//! Checkpoints that older versions have written are read for good (rule H14).
//!
//! `tests/data/checkpoints/format-N` holds what a library wrote whose format was version N. A new version of the format adds a directory:
//! `STREAMWEAVE_WRITE_CHECKPOINT=1 cargo test -p streamweave-tests --test old_checkpoints` writes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use streamweave::checkpoint::{Checkpoints, VERSION};
use streamweave::prelude::*;
use streamweave::state::{Expiring, List, Map, SortedMap, Value};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Plane {
    flights: u64,
    delay: f64,
    carrier: Option<String>,
}

#[derive(State)]
struct Ledger {
    #[state]
    planes: Map<String, Plane>,
    #[state]
    newest: Value<Plane>,
    #[state]
    order: SortedMap<i64, String>,
    #[state]
    names: List<String>,
    #[state]
    seen: Expiring<String, u8>,
    #[state]
    rows: u64,
}

#[node]
impl Ledger {
    fn new() -> Self {
        Ledger {
            planes: Map::new(),
            newest: Value::new(Plane::default()),
            order: SortedMap::new(),
            names: List::split(),
            seen: Expiring::new(1.hours()),
            rows: 0,
        }
    }

    fn on_row(&mut self, (name, delay): (String, i64), cx: &Cx<EventTime>, out: &mut Out<String>) {
        self.rows += 1;
        let plane = self.planes.entry(name.clone(), Plane::default);
        plane.flights += 1;
        plane.delay += delay as f64;
        plane.carrier = Some(name[..1].to_owned());
        *self.newest = plane.clone();
        self.order.insert(delay, name.clone());
        self.names.push(name.clone());
        self.seen.insert(name.clone(), 1, *cx.time());
        let Plane { flights, delay, .. } = &*self.newest;
        let first = self.order.first().map_or("", |(_, name)| name);
        let seen = self.seen.held();
        out.send(format!("{} {name} {flights} {delay} {first} {} {seen}", self.rows, self.names.len()));
    }
}

/// Takes these rows, too, and stops with a savepoint; gives all that came out so far.
fn run(directory: &Path, rows: &[(&str, i64)]) -> Vec<String> {
    let rows: Vec<(String, i64)> = rows.iter().map(|(name, delay)| ((*name).to_owned(), *delay)).collect();
    let (shown, taken) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (sender, receiver) = tokio::sync::mpsc::channel(rows.len());
        let expected = rows.len();
        let mut running = graph! {
            #![durable]
            rows = from_channel(receiver);
            ledger = Ledger();
            hourly = tumbling(1.hours()).aggregate(Count::new);
            rows -> event_time(|(_, delay)| EventTime::from_secs(*delay), ascending()) -> timed;
            timed = inspect(|_| ());
            timed -> ledger.row;
            timed -> key_by(|(name, _)| name.clone()) -> hourly -> map(|hour| format!("{} {}", hour.key, hour.value.value)) -> panes;
            hourly.late -> discard;
            ledger -> lines;
            lines = for_each(move |line: String| shown.send(line).expect("the test takes it"));
            panes = collect();
        }
        .checkpoints(Checkpoints::in_directory(directory).on_demand())
        .spawn();
        for row in rows {
            sender.send(row).await.expect("it runs");
        }
        let mut lines = Vec::new();
        while lines.len() < expected {
            running.checkpoint(None).await.expect("it runs");
            lines.extend(taken.try_iter());
        }
        running.stop_with_savepoint("kept").await.expect("it runs");
        lines
    })
}

fn fixture(version: u8) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "data", "checkpoints", &format!("format-{version}")].iter().collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a temporary directory");
    for entry in std::fs::read_dir(from).expect("the fixture") {
        let entry = entry.expect("the fixture");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("the fixture").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a temporary directory");
        }
    }
}

/// What the version at hand writes, to be kept in the repository.
fn write_fixture() {
    let directory = fixture(VERSION);
    let _ = std::fs::remove_dir_all(&directory);
    run(&directory, &[("N1", 10), ("N2", 30), ("N1", 20)]);
    std::fs::remove_file(directory.join("LOCK")).expect("it was locked");
}

#[test]
fn h14_checkpoints_of_every_version_of_the_format_are_read() {
    if std::env::var_os("STREAMWEAVE_WRITE_CHECKPOINT").is_some() {
        write_fixture();
    }
    for version in 1..=VERSION {
        let name = format!("streamweave-old-checkpoints-{version}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        copy(&fixture(version), &directory);
        let lines = run(&directory, &[("N3", 40), ("N1", 50)]);
        assert_eq!(lines, ["4 N3 1 40 N1 4 3", "5 N1 3 80 N1 5 3"], "version {version}");
        std::fs::remove_dir_all(&directory).expect("a temporary directory");
    }
}
