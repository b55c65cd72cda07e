//! The program `streamweave` on checkpoints of a real run: `cargo test -p streamweave --features cli --test cli`.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use streamweave::checkpoint::Checkpoints;
use streamweave::prelude::*;

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("streamweave-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Directory(path)
    }

    /// Counts these words, too, and stops with a savepoint.
    fn count(&self, words: &[&str], name: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (sender, receiver) = tokio::sync::mpsc::channel(words.len());
            let mut running = graph! {
                #![durable]
                words = from_channel(receiver);
                counted = count();
                total = running_count();
                words -> key_by(|word: &String| word.clone()) -> counted -> discard;
                words -> total -> discard;
            }
            .checkpoints(Checkpoints::in_directory(&self.0).on_demand().keep(10))
            .spawn();
            for word in words {
                sender.send(word).await.expect("it runs");
            }
            while running.checkpoint(None).await.expect("it runs").entries == 0 {}
            running.stop_with_savepoint(name).await.expect("it runs");
        });
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamweave"));
        let (name, flags) = arguments.split_first().expect("a command");
        command.arg(name).arg(&self.0).args(flags).output().expect("the program runs")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON on stdout")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn checkpoints_are_listed_inspected_dumped_compared_and_verified() {
    let directory = Directory::new("shown");
    directory.count(&["warp", "weft", "warp"], "first");
    directory.count(&["yarn", "weft"], "second");

    let listed = directory.json(&["list"]);
    let savepoints: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|one| one["savepoint"].as_str()).collect();
    assert_eq!(savepoints, ["first", "second"]);

    let inspected = directory.json(&["inspect", "--checkpoint", "first"]);
    assert_eq!(inspected["state"]["counted"]["states"]["entries"], 2);

    let mut dumped = directory.json(&["dump", "--node", "counted"])["counted"]["states"].take();
    let entries = dumped.as_array_mut().expect("a list of entries");
    entries.sort_by_key(|entry| entry["key"].to_string());
    let entry = |key: &str, value: u64| json!({"key": key, "value": value});
    assert_eq!(*entries, [entry("warp", 2), entry("weft", 2), entry("yarn", 1)]);

    let changes = directory.json(&["diff", "--from", "first", "--to", "second"]);
    let is_counted = |change: &&Value| change["node"] == "counted" && change["field"] == "states";
    let counted = changes.as_array().expect("a list").iter().find(is_counted).expect("it has changed");
    let mut keys: Vec<String> =
        counted["entries"].as_array().expect("a list").iter().map(Value::to_string).collect();
    keys.sort();
    assert_eq!(keys, [r#"{"from":1,"key":"weft","to":2}"#, r#"{"from":null,"key":"yarn","to":1}"#]);

    assert!(directory.run(&["verify"]).status.success());
    let segments = directory.0.join("segments");
    let segment = std::fs::read_dir(segments).expect("segments").next().expect("one").expect("one").path();
    let mut bytes = std::fs::read(&segment).expect("a segment");
    bytes[20] ^= 1;
    std::fs::write(&segment, bytes).expect("a segment");
    let verified = directory.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("its checksum does not match"));
}

#[test]
fn a_node_that_is_dropped_begins_anew_and_the_others_go_on() {
    let directory = Directory::new("dropped");
    directory.count(&["warp", "weft", "warp"], "first");
    directory.json(&["drop", "--node", "total"]);
    directory.count(&["yarn"], "second");
    let dumped = directory.json(&["dump", "--checkpoint", "second"]);
    assert_eq!(dumped["total"]["state"], 1, "the rows since it was dropped");
    assert_eq!(dumped["counted"]["states"].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_is_asked_for_and_not_there_is_said() {
    let directory = Directory::new("missing");
    directory.count(&["warp"], "first");
    for (arguments, expected) in [
        (&["dump", "--node", "nothing"][..], "there is no state of a node `nothing`"),
        (&["dump", "--checkpoint", "99"], "there is no checkpoint `99`"),
        (&["drop"], "`drop` needs --node"),
        (&["shrink"], "there is no command `shrink`"),
        (&["list", "--all"], "unknown flag `--all`"),
    ] {
        let output = directory.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(expected), "{said}");
    }
    let nowhere =
        Command::new(env!("CARGO_BIN_EXE_streamweave")).args(["list", "no/such/directory"]).output();
    let said = String::from_utf8_lossy(&nowhere.expect("the program runs").stderr).into_owned();
    assert!(said.contains("there is no directory `no/such/directory`"), "{said}");
}
