//! Rows in part files: who looks at finished names only never sees a row that is taken back, and in the end sees each once.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};
use streamweave::checkpoint::{LocalDirectory, Object, Storage};
use streamweave::prelude::*;
use streamweave::time::ManualClock;
use streamweave::{csv, jsonl, lines};

/// A folder that is removed after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("streamweave-parts-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        Folder(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in the folder of parts, by name.
    fn parts(&self) -> BTreeMap<String, String> {
        let entries = fs::read_dir(self.at("parts")).into_iter().flatten();
        let file = |entry: std::io::Result<fs::DirEntry>| {
            let entry = entry.expect("the folder can be read");
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            Some((name, fs::read_to_string(entry.path()).ok()?))
        };
        entries.filter_map(file).collect()
    }

    /// What is in those that are finished, one after the other, and how many they are.
    fn finished(&self) -> (String, usize) {
        let parts = self.parts();
        let finished = parts.iter().filter(|(name, _)| !name.ends_with(".pending"));
        (finished.clone().map(|(_, text)| text.as_str()).collect(), finished.count())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A directory that dies before or behind the publishing of so many objects.
#[derive(Debug)]
struct Dying {
    directory: LocalDirectory,
    left: AtomicU64,
}

impl Dying {
    fn step(&self) -> std::io::Result<()> {
        match self.left.fetch_sub(1, Ordering::Relaxed) {
            0 | 1_000_000.. => {
                self.left.store(0, Ordering::Relaxed);
                Err(std::io::Error::other("the process is dead"))
            }
            _ => Ok(()),
        }
    }
}

impl Storage for Dying {
    fn lock(&mut self) -> std::io::Result<bool> {
        self.directory.lock()
    }
    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.directory.list(folder)
    }
    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        self.directory.read(name)
    }
    fn create(&self, name: &str) -> std::io::Result<Box<dyn Object>> {
        self.step()?;
        let object = self.directory.create(name)?;
        self.step()?;
        Ok(object)
    }
    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.step()?;
        self.directory.remove(name)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    number: u64,
    text: String,
}

const ROWS: u64 = 200;

/// Runs until it ends, or until the graph has been looked at so often: then the process is gone. After each look `seen` looks, too.
fn live(folder: &Folder, polls: u64, storage: u64, mut seen: impl FnMut()) -> bool {
    let clock = ManualClock::new();
    let directory = LocalDirectory::new(folder.at("state"));
    let storage = Dying { directory, left: AtomicU64::new(storage) };
    let checkpoints =
        Checkpoints::in_storage(storage, "dying").every(1.millis()).tolerate_failures(0).in_place();
    let tick = clock.clone();
    let run = graph! {
        #![durable = exactly_once]
        #![on_error = stop]
        rows = csv::read::<Row>(folder.at("rows.csv"));
        rows -> inspect(move |row: &Row| if row.number % 7 == 0 { tick.advance(1.millis()) }) -> parts;
        parts = csv::write_parts(folder.at("parts")).delimiter(b';');
    }
    .batch(5)
    .clock(clock.clone())
    .checkpoints(checkpoints)
    .run();
    let mut run = pin!(run);
    for poll in 0.. {
        let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        seen();
        match polled {
            Poll::Ready(ended) => return ended.is_ok(),
            Poll::Pending if poll == polls => return false,
            // A thread reads.
            Poll::Pending => std::thread::yield_now(),
        }
    }
    unreachable!("it returns")
}

fn rows(folder: &Folder) -> String {
    let mut text = "number,text\n".to_owned();
    (1..=ROWS).for_each(|number| text += &format!("{number},x{number}\n"));
    fs::write(folder.at("rows.csv"), text).expect("it can be written");
    (1..=ROWS).map(|number| format!("{number};x{number}\n")).collect()
}

/// The rows of finished parts, each of which has a header.
fn without_headers(text: &str) -> String {
    text.replace("number;text\n", "")
}

fn assert_killed(folder: &Folder, lives: impl IntoIterator<Item = (u64, u64)>) {
    let expected = rows(folder);
    fs::create_dir_all(folder.at("parts")).expect("it can be created");
    fs::write(folder.at("parts").join("part-00000077.csv"), "old").expect("it can be written");
    fs::write(folder.at("parts").join("readme"), "kept").expect("it can be written");
    let mut before = String::new();
    let mut is_first = true;
    let mut has_ended = false;
    for (polls, storage) in lives.into_iter().chain([(u64::MAX, 100_000), (u64::MAX, 100_000)]) {
        has_ended = live(folder, polls, storage, || {
            let (finished, parts) = folder.finished();
            if std::mem::take(&mut is_first) && finished.contains("old") {
                is_first = true;
                return;
            }
            let finished = without_headers(&finished.replace("kept", ""));
            assert!(finished.starts_with(&before), "a row that was seen is gone");
            assert!(expected.starts_with(&finished), "in {parts} parts");
            before = finished;
        });
    }
    assert!(has_ended);
    let (finished, parts) = folder.finished();
    assert_eq!(without_headers(&finished), format!("{expected}kept"));
    assert!(parts > 10, "{parts} parts");
    assert!(folder.parts().keys().all(|name| !name.ends_with(".pending")));
}

#[test]
fn h6_killed_anywhere_finished_parts_only_grow_and_hold_each_row_once() {
    for seed in 0..5 {
        // By its polls: at work; by its storage: as a checkpoint is written.
        assert_killed(&Folder::new(), (0..4).map(|life| (3 + seed * 11 + life, 100_000)));
        assert_killed(&Folder::new(), (0..4).map(|life| (u64::MAX, 1 + seed * 13 + life * 7)));
    }
}

#[test]
fn h7_a_part_that_could_not_be_renamed_is_when_the_graph_is_started_again() {
    let folder = Folder::new();
    let expected = rows(&folder);
    let part = folder.at("parts").join("part-00000001.csv");
    let in_the_way = part.join("something");
    // The clock stands still: no commit is tried again, and the process dies with a checkpoint whose part is pending.
    assert!(!live(&folder, 200, 100_000, || fs::create_dir_all(&in_the_way).expect("it can be created")));
    assert!(folder.at("parts").join("part-00000001.csv.pending").exists());
    assert!(fs::read_dir(folder.at("state").join("checkpoints")).expect("it is there").next().is_some());
    fs::remove_dir_all(&part).expect("it is there");
    fs::write(folder.at("parts").join("part-99999999.csv.pending"), "unknown").expect("it can be written");
    assert!(live(&folder, u64::MAX, 100_000, || ()));
    assert_eq!(without_headers(&folder.finished().0), expected);
    assert!(!folder.parts().contains_key("part-99999999.csv.pending"));
}

#[test]
fn lines_and_json_come_in_parts_too_and_a_graph_without_state_finishes_them() {
    let folder = Folder::new();
    let text = folder.at("parts");
    let json = folder.at("json");
    let run = graph! {
        numbers = from_iter(0..5_u64);
        numbers -> text;
        numbers -> map(|number| Row { number, text: "x".to_owned() }) -> json;
        text = lines::write_parts(&text);
        json = jsonl::write_parts(&json);
    };
    let result = streamweave_tests::finish(run.run());
    assert_eq!((result.text, result.json), (5, 5));
    assert_eq!(folder.finished(), ("0\n1\n2\n3\n4\n".to_owned(), 1));
    let written = fs::read_to_string(json.join("part-00000001.jsonl")).expect("it is finished");
    assert_eq!(written.lines().next(), Some("{\"number\":0,\"text\":\"x\"}"));
}

#[test]
fn parts_that_cannot_be_written_end_the_run_before_the_first_row() {
    let run = graph! {
        numbers = from_iter(0..5_u64);
        numbers -> text;
        text = lines::write_parts(Path::new("/dev/null/parts"));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(run.run()).expect_err("there is no such folder");
    assert_eq!(
        error.to_string(),
        "node `text`: cannot create `/dev/null/parts`: Not a directory (os error 20)"
    );
}
