//! Files as sources and sinks: what is written can be read, errors come early, and what passed
//! before a failure is kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use streamweave::prelude::*;
use streamweave::{Error, csv, jsonl, lines};

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A file that is removed after the test.
struct Temporary(PathBuf);

impl Temporary {
    fn named(name: &str) -> Self {
        Temporary(std::env::temp_dir().join(format!("streamweave-files-{}-{name}", std::process::id())))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("it was written")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A test may have failed before it wrote.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sale {
    item: String,
    price: Option<f64>,
    at: EventTime,
}

fn sales() -> Vec<Sale> {
    let items = ["tea", "say \"hi\"", "two\nlines", ""];
    (0..)
        .zip(items)
        .map(|(i, item)| Sale {
            item: item.to_owned(),
            price: (i % 2 == 0).then_some(f64::from(i) / 4.0),
            at: EventTime::from_secs(i64::from(i)),
        })
        .collect()
}

#[test]
fn what_is_written_can_be_read_as_csv_and_as_json_lines() {
    let (commas, objects) = (Temporary::named("sales.csv"), Temporary::named("sales.jsonl"));
    let written = block_on(
        graph! {
            sales = from_iter(sales());
            sales -> [commas, objects];
            commas = csv::write(&commas.0);
            objects = jsonl::write(&objects.0);
        }
        .run(),
    )
    .expect("both can be written");
    assert_eq!((written.commas, written.objects), (4, 4));
    let read = block_on(
        graph! {
            commas = csv::read::<Sale>(&commas.0);
            objects = jsonl::read::<Sale>(&objects.0);
            commas -> from_commas;
            objects -> from_objects;
            [commas.err, objects.err] -> malformed;
            from_commas = collect();
            from_objects = collect();
            malformed = collect();
        }
        .run(),
    )
    .expect("both can be read");
    assert_eq!(read.from_commas, sales());
    assert_eq!(read.from_objects, sales());
    assert_eq!(read.malformed, []);
    read.assert_conserved();
}

#[test]
fn an_appended_csv_file_has_one_header() {
    let file = Temporary::named("appended.csv");
    for _ in 0..2 {
        let graph = graph! {
            rows = from_iter([(1, 2)]);
            rows -> csv::write(append(&file.0)).header(["a", "b"]);
        };
        block_on(graph.run()).expect("it can be written");
    }
    assert_eq!(file.text(), "a,b\n1,2\n1,2\n");
}

#[test]
fn an_output_that_cannot_be_created_is_an_error_before_the_first_row() {
    let mut seen = 0;
    let outcome = block_on(
        graph! {
            rows = from_iter(0..1_000_000);
            rows -> inspect(|_| seen += 1) -> file;
            file = lines::write("/no/such/folder/rows.txt");
        }
        .run(),
    );
    assert!(matches!(outcome, Err(Error::Failed { node: "file", .. })), "{outcome:?}");
    assert_eq!(seen, 0);
}

#[test]
fn what_passed_before_a_source_failed_is_written_at_any_batch_size() {
    let stream = || {
        let rows = (0..100_u32).map(|i| i.to_string());
        futures::stream::iter(rows)
    };
    for batch in [1, 7, 1024] {
        let file = Temporary::named(&format!("before-{batch}.txt"));
        let outcome = block_on(
            graph! {
                rows = from_stream(stream());
                missing = lines::read("/no/such/file");
                rows -> file;
                missing -> discard;
                missing.err -> discard;
                file = lines::write(&file.0);
            }
            .batch(batch)
            .run(),
        );
        let Err(error) = outcome else { panic!("`missing` cannot be read") };
        assert!(
            error.to_string().starts_with("node `missing`: cannot open `/no/such/file`: No such file"),
            "{error}"
        );
        let written = file.text();
        assert!(written.lines().enumerate().all(|(i, line)| line == i.to_string()), "{written}");
    }
}

#[test]
fn a_sink_that_nobody_reads_harms_no_other() {
    for batch in [1, 7, 1024] {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        drop(receiver);
        let result = block_on(
            graph! {
                rows = from_iter(0..10_000_u64);
                rows -> [gone, kept];
                gone = to_channel(sender);
                kept = collect();
            }
            .batch(batch)
            .run(),
        )
        .expect("a reader that goes away is no error");
        assert_eq!(result.kept.len(), 10_000);
    }
}

#[test]
fn a_graph_whose_every_sink_is_gone_ends() {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    drop(receiver);
    let graph = graph! {
        rows = from_iter(0_u64..);
        rows -> to_channel(sender);
        rows -> discard;
    };
    block_on(graph.run()).expect("it drains");
}

#[test]
fn a_graph_that_drains_emits_what_was_sent_before() {
    let (sender, receiver) = tokio::sync::mpsc::channel(100);
    for x in 0..100_u64 {
        sender.try_send(x).expect("there is room");
    }
    let result = block_on(
        graph! {
            rows = from_channel(receiver);
            rows -> kept;
            kept = collect();
        }
        .run_until(async {}),
    )
    .expect("it drains");
    assert_eq!(result.kept, Vec::from_iter(0..100));
    assert!(sender.is_closed());
}
