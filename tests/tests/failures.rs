//! Rules K1 and K5: what a panic takes with it, what it leaves, and what the report says.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use serde::{Serialize, Serializer};
use streamweave::graph::FailureReport;
use streamweave::prelude::*;
use streamweave::time::ManualClock;
use streamweave::{Error, csv, jsonl, lines, testing};
use streamweave_tests::random::Random;
use tokio::sync::mpsc;

const BATCHES: [usize; 3] = [1, 7, 1024];

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A file that is removed after the test.
struct Temporary(PathBuf);

impl Temporary {
    fn named(name: &str) -> Self {
        Temporary(std::env::temp_dir().join(format!("streamweave-failures-{}-{name}", std::process::id())))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A test may have failed before it wrote.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The report of a panic.
#[track_caller]
fn report<R>(outcome: Result<R, Error>) -> FailureReport {
    match outcome {
        Err(Error::Panicked(report)) => *report,
        Err(other) => panic!("expected a panic, found {other}"),
        Ok(_) => panic!("expected a panic, found a result"),
    }
}

/// All that a channel holds.
fn received<D>(from: &mut mpsc::Receiver<D>) -> Vec<D> {
    std::iter::from_fn(|| from.try_recv().ok()).collect()
}

fn as_lines(rows: impl IntoIterator<Item = u64>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

graph! {
    graph fails(rows: u64; at: u64) -> (out: u64) {
        culprit = map(move |row| if row == at { panic!("at {at}") } else { row });
        rows -> culprit -> out;
    }
}

graph! {
    graph fails_deep(rows: u64; at: u64) -> (out: u64) {
        middle = fails(at);
        rows -> filter(|_| true) -> middle -> out;
    }
}

#[test]
fn k1_no_kind_of_sink_is_handed_what_the_failed_batch_made_and_the_report_counts_it() {
    for seed in 0..12 {
        let mut random = Random::new(seed);
        let at = random.below(60);
        for batch in [1, 7, 20, 1024] {
            let file = |name: &str| Temporary::named(&format!("{seed}-{batch}-{name}"));
            let (text, commas, objects, letters) =
                (file("lines"), file("csv"), file("jsonl"), file("letters"));
            let (send, mut channel) = mpsc::channel(100);
            let run = graph! {
                #![on_error = dead_letter(&letters.0)]
                rows = from_iter(0..60_u64);
                // Before the culprit, so that they have taken what it has not.
                rows -> [text, channel, commas, objects, refused];
                rows -> culprit -> for_each(|_: u64| ());
                text = lines::write(&text.0);
                commas = csv::write(&commas.0);
                objects = jsonl::write(&objects.0);
                refused = try_map(|row: u64| if row % 3 == 0 { Err("no") } else { Ok(row) });
                refused -> discard;
                channel = to_channel(send);
                culprit = map(|row| if row == at { panic!("at {at}") } else { row });
            };
            let report = report(block_on(run.batch(batch).run()));
            let whole = at / batch as u64 * batch as u64;
            let about = format!("seed {seed}, batch {batch}, panic at {at}: {report}");
            assert_eq!((report.node.as_str(), report.source), ("culprit", Some(("rows", whole))), "{about}");
            assert_eq!(report.batch, whole / batch as u64 + 1, "{about}");
            assert_eq!(report.message, format!("at {at}"));
            assert!(report.location.as_ref().is_some_and(|at| at.contains("failures.rs")), "{about}");
            assert_eq!(received(&mut channel), Vec::from_iter(0..whole), "{about}");
            for file in [&text, &commas, &objects] {
                assert_eq!(file.text(), as_lines(0..whole), "{about}");
            }
            let letters = letters.text();
            assert_eq!(letters.lines().count() as u64, whole.div_ceil(3), "{about}: {letters}");
            // The row itself had come to those sinks that stand before the culprit.
            let taken = at - whole + 1;
            let refused = (whole..=at).filter(|row| row % 3 == 0).count() as u64;
            assert_eq!(report.discarded, 4 * taken + refused, "{about}");
        }
    }
}

#[test]
fn k1_the_outputs_of_a_named_graph_are_not_handed_the_failed_batch() {
    for batch in [1, 4, 7, 1024] {
        for at in [0, 3, 4, 17, 29] {
            let (outcome, rows) = block_on(async {
                let (graph, inputs, mut outputs) = fails_deep::open(at);
                for row in 0..30 {
                    inputs.rows.send(row).await.expect("there is room");
                }
                inputs.rows.close();
                let outcome = graph.batch(batch as usize).run().await;
                let mut rows = Vec::new();
                while let Some(row) = outputs.out.recv().await {
                    rows.push(row);
                }
                (outcome, rows)
            });
            let report = report(outcome);
            let whole = at / batch * batch;
            assert_eq!(rows, Vec::from_iter(0..whole));
            assert_eq!(report.node, "middle.culprit");
            assert_eq!((report.source, report.discarded), (Some(("rows", whole)), at - whole));
        }
    }
}

/// Panics when it is written.
#[derive(Clone)]
struct Unwritable(u64);

impl std::fmt::Display for Unwritable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("{} cannot be shown", self.0)
    }
}

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("{} cannot be written", self.0)
    }
}

#[derive(Default)]
struct Fussy;

impl Aggregate<u64> for Fussy {
    type Output = u64;

    fn add(&mut self, row: u64) {
        assert!(row != 13, "13 brings bad luck");
    }

    fn output(&self) -> u64 {
        0
    }
}

/// Panics when a timer runs out.
#[derive(Default)]
struct Alarmed {}

#[node]
impl Alarmed {
    fn on_rows(&mut self, row: u64, out: &mut Out<u64>, cx: &Cx) {
        if row == 13 {
            cx.set_timer(*cx.time() + 5.micros());
        }
        out.send(row);
    }

    fn on_timer(&mut self, at: EventTime) {
        panic!("alarm at {}", at.micros());
    }
}

/// Panics when the frontier moves.
#[derive(Default)]
struct Nervous {}

#[node]
impl Nervous {
    fn on_rows(&mut self, row: u64, out: &mut Out<u64>) {
        out.send(row);
    }

    fn on_frontier(&mut self, cx: &Cx) {
        assert!(cx.frontier().time().is_none_or(|time| time.micros() != 13), "the frontier moves");
    }
}

#[node]
async fn asynchronous(row: u64) -> u64 {
    assert!(row != 13, "13 brings bad luck");
    row
}

#[node]
fn sorted(row: u64, low: &mut Out<u64>, high: &mut Out<u64>) {
    assert!(row != 13, "13 brings bad luck");
    if row < 10 { low.send(row) } else { high.send(row) }
}

/// A graph whose node `culprit` panics at 13, and is named.
macro_rules! named {
    ($($kind:literal { $($graph:tt)* })*) => {
        fn culprits(batch: usize) -> Vec<(&'static str, FailureReport)> {
            vec![$(($kind, report(block_on(graph! { rows = from_iter(0..40_u64); $($graph)* }.batch(batch).run())))),*]
        }
    };
}

fn micros(row: &u64) -> EventTime {
    EventTime::from_micros(row.cast_signed())
}

fn not_13(row: u64) -> u64 {
    assert!(row != 13, "13 brings bad luck");
    row
}

named! {
    "map" { culprit = map(not_13); rows -> culprit -> for_each(|_| ()); }
    "filter" { culprit = filter(|row: &u64| not_13(*row) > 3); rows -> culprit -> for_each(|_| ()); }
    "several outputs" { culprit = sorted(); rows -> culprit; culprit.low -> for_each(|_| ()); culprit.high -> for_each(|_| ()); }
    "a future" { culprit = asynchronous(); rows -> culprit -> for_each(|_| ()); }
    "a call" { culprit = async_map(|row| { not_13(row); async move { row } }); rows -> culprit -> for_each(|_| ()); }
    "a key" { culprit = key_by(|row: &u64| not_13(*row)); rows -> culprit -> for_each(|_| ()); }
    "a time" { culprit = event_time(|row: &u64| micros(&not_13(*row)), bounded(0.micros())); rows -> culprit -> for_each(|_| ()); }
    "an aggregate" {
        rows -> event_time(micros, bounded(0.micros())) -> key_by(|_| ()) -> culprit -> for_each(|_| ());
        culprit = tumbling(10.micros()).aggregate(Fussy::default);
        culprit.late -> discard;
    }
    "a fold" {
        rows -> culprit -> for_each(|_| ());
        culprit = running_fold(0, |sum: &mut u64, row| *sum += not_13(row));
    }
    "a timer" { rows -> event_time(micros, bounded(0.micros())) -> culprit -> for_each(|_| ()); culprit = Alarmed(Alarmed::default()); }
    "a frontier" { rows -> event_time(micros, bounded(0.micros())) -> culprit -> for_each(|_| ()); culprit = Nervous(Nervous::default()); }
    "a sink" { rows -> culprit; culprit = for_each(|row| { not_13(row); }); }
    "lines" { rows -> filter(|row| *row == 13) -> map(Unwritable) -> culprit; culprit = lines::write(Temporary::named("never").0.clone()); }
    "json" { rows -> filter(|row| *row == 13) -> map(Unwritable) -> culprit; culprit = jsonl::write(Temporary::named("never").0.clone()); }
    "csv" { rows -> filter(|row| *row == 13) -> map(Unwritable) -> culprit; culprit = csv::write(Temporary::named("never").0.clone()); }
    "behind a merge" { a = inspect(|_| ()); b = inspect(|_| ()); rows -> [a, b]; culprit = map(not_13); [a, b] -> culprit -> for_each(|_| ()); }
    "far behind" {
        culprit = map(not_13);
        rows -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x)
            -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> map(|x| x) -> culprit
            -> map(|x| x) -> for_each(|_| ());
    }
}

#[test]
fn k1_whatever_of_a_node_panics_the_node_is_named() {
    for batch in BATCHES {
        for (kind, report) in culprits(batch) {
            assert_eq!(report.node, "culprit", "{kind}: {report}");
            assert!(
                report.location.as_ref().is_some_and(|at| at.contains("failures.rs")),
                "{kind}: {report}"
            );
            assert!(report.batch > 0, "{kind}");
        }
    }
    drop(Temporary::named("never"));
}

#[test]
fn k1_a_panic_of_a_source_names_that_source_and_its_own_position() {
    for seed in 0..20 {
        for batch in BATCHES {
            let bad_stream = futures::stream::iter((0..30_u64).inspect(|row| {
                assert!(*row != 20, "no more");
            }));
            let run = graph! {
                other = from_iter(0..500_u64);
                culprit = from_stream(bad_stream);
                [other, culprit] -> for_each(|_| ());
            };
            let report = report(block_on(run.seed(seed).batch(batch).run()));
            assert_eq!(report.node, "culprit", "{report}");
            // The stream is looked at before a batch of it is run.
            let (source, rows) = report.source.expect("it was a source's turn");
            assert_eq!(source, "culprit", "{report}");
            assert!(rows <= 20, "{report}");
            let bad_iterator = (0..30_u64).inspect(|row| assert!(*row != 20, "no more"));
            let run = graph! {
                other = from_iter(0..500_u64);
                culprit = from_iter(bad_iterator);
                [other, culprit] -> for_each(|_| ());
            };
            let report = report_of(block_on(run.batch(batch).run()));
            assert_eq!(
                (report.node.as_str(), report.source),
                ("culprit", Some(("culprit", 20 / batch as u64 * batch as u64))),
                "{report}"
            );
        }
    }
}

fn report_of<R>(outcome: Result<R, Error>) -> FailureReport {
    report(outcome)
}

#[test]
fn k1_a_call_that_panics_is_of_no_sources_batch() {
    let clock = ManualClock::new();
    let waits = clock.clone();
    let graph = graph! {
        rows = from_iter(0..3_u64);
        culprit = async_map(move |row: u64| {
            let nap = waits.sleep(5.secs());
            async move { nap.await; not_13(row + 13) }
        });
        rows -> culprit -> for_each(|_| ());
    };
    let report = report(testing::run(graph, clock, 3));
    assert_eq!((report.node.as_str(), report.source, report.discarded), ("culprit", None, 0), "{report}");
}

#[test]
fn k1_a_panic_in_a_graph_in_a_graph_names_the_whole_way() {
    for batch in BATCHES {
        for at in [0, 6, 7, 30] {
            let (send, mut channel) = mpsc::channel(100);
            let run = graph! {
                rows = from_iter(0..40_u64);
                outer = fails_deep(at);
                rows -> outer -> to_channel(send);
            };
            let report = report(block_on(run.batch(batch).run()));
            let whole = at / batch as u64 * batch as u64;
            assert_eq!(report.node, "outer.middle.culprit");
            assert_eq!((report.source, report.discarded), (Some(("rows", whole)), at - whole));
            assert_eq!(received(&mut channel), Vec::from_iter(0..whole));
        }
    }
}

#[test]
fn k1_other_graphs_and_the_process_go_on_and_each_panic_is_told_apart() {
    block_on(async {
        let graph = |at: u64| {
            graph! {
                rows = from_iter(0..100_u64);
                culprit = fails(at);
                rows -> culprit -> out;
                out = collect();
            }
            .batch(10)
            .spawn()
        };
        let running: Vec<_> = (0..20).map(|n| (n, graph(if n % 2 == 0 { n * 5 } else { 1_000 }))).collect();
        for (n, running) in running {
            match running.await {
                Err(Error::Panicked(report)) => {
                    assert_eq!((n % 2, report.message.as_str()), (0, format!("at {}", n * 5).as_str()));
                    assert_eq!(report.node, "culprit.culprit");
                }
                Ok(result) => assert_eq!((n % 2, result.out.len()), (1, 100)),
                Err(other) => panic!("expected a panic, found {other}"),
            }
        }
    });
}

#[test]
fn k1_a_panic_that_a_node_catches_itself_is_no_failure_and_no_later_one_is_taken_for_it() {
    let outcome = block_on(
        graph! {
            rows = from_iter(0..10_u64);
            careful = map(|row| std::panic::catch_unwind(|| assert!(row % 2 == 0, "odd")).map_or(0, |()| row));
            culprit = map(|row| not_13(row + 5));
            rows -> careful -> culprit -> for_each(|_| ());
        }
        .run(),
    );
    let report = report(outcome);
    assert_eq!((report.node.as_str(), report.message.as_str()), ("culprit", "13 brings bad luck"));
}

/// Runs a graph of two branches over `rows`; panics at one of them, if any.
fn branches(rows: &[u64], at: Option<u64>, batch: usize) -> (Result<(), Error>, Vec<u64>, Vec<u64>) {
    let (evens, mut even) = mpsc::channel(1_000);
    let (all, mut every) = mpsc::channel(1_000);
    let graph = graph! {
        rows = from_iter(rows.to_vec());
        rows -> flat_map(|row| [row, row + 1]) -> filter(|row| row % 2 == 0) -> to_channel(evens);
        rows -> map(|row| if Some(row) == at { panic!("at {row}") } else { row * 3 }) -> to_channel(all);
    };
    let outcome = testing::run(graph.batch(batch), ManualClock::new(), rows.len() as u64);
    (outcome.map(|_| ()), received(&mut even), received(&mut every))
}

#[test]
fn k5_a_run_that_goes_on_where_the_report_says_loses_nothing_and_does_nothing_twice() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let rows: Vec<u64> = (0..100).map(|_| random.below(1_000)).collect();
        for batch in BATCHES {
            let at = rows[random.place(rows.len())];
            let (whole, even, every) = branches(&rows, None, batch);
            whole.expect("nothing fails");
            let (outcome, mut even_again, mut every_again) = branches(&rows, Some(at), batch);
            let from = usize::try_from(report(outcome).source.expect("a source's batch").1).expect("small");
            let (rest, more_even, more_every) = branches(&rows[from..], None, batch);
            rest.expect("nothing fails");
            even_again.extend(more_even);
            every_again.extend(more_every);
            assert_eq!((even_again, every_again), (even, every), "seed {seed}, batch {batch}, from {from}");
        }
    }
}

#[test]
fn k5_files_that_are_appended_to_hold_every_row_once_after_a_second_run() {
    for (seed, batch) in (0..6).flat_map(|seed| BATCHES.map(|batch| (seed, batch))) {
        let at = Random::new(seed).below(200);
        let (text, commas) = (
            Temporary::named(&format!("k5-{seed}-{batch}.txt")),
            Temporary::named(&format!("k5-{seed}-{batch}.csv")),
        );
        let run = |from: u64, at: Option<u64>| {
            block_on(
                graph! {
                    rows = from_iter(from..200_u64);
                    rows -> text;
                    rows -> map(|row| if Some(row) == at { panic!("at {row}") } else { Row { row } }) -> commas;
                    text = lines::write(append(&text.0));
                    commas = csv::write(append(&commas.0));
                }
                .batch(batch)
                .run(),
            )
            .map(|_| ())
        };
        let from = report(run(0, Some(at))).source.expect("a source's batch").1;
        run(from, None).expect("nothing fails");
        assert_eq!(text.text(), as_lines(0..200), "seed {seed}, batch {batch}");
        assert_eq!(
            commas.text(),
            format!("row\n{}", as_lines(0..200)),
            "seed {seed}, batch {batch}, from {from}"
        );
    }
}

#[derive(Serialize)]
struct Row {
    row: u64,
}

#[node]
fn picky(row: u64) -> Result<u64, String> {
    if row % 4 == 1 { Err(format!("{row} is refused")) } else { Ok(row) }
}

graph! {
    graph refuses(rows: u64) -> (out: u64) {
        #![on_error = stop]
        picky = picky();
        rows -> picky -> out;
    }
}

#[test]
fn a_policy_stops_a_graph_in_a_node_as_it_stops_one_outside() {
    let outcome = block_on(
        graph! {
            rows = from_iter(0..10_u64);
            inner = refuses();
            rows -> inner -> for_each(|_| ());
        }
        .run(),
    );
    match outcome {
        Err(Error::Rejected { node: "picky", cause, .. }) => assert_eq!(cause.to_string(), "1 is refused"),
        other => panic!("expected the row that was refused, found {other:?}"),
    }
}

#[test]
fn every_policy_conserves_rows_and_what_is_refused_goes_one_way_only() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let rows: Vec<u64> = (0..random.below(100)).map(|_| random.below(40)).collect();
        let good: Vec<u64> = rows.iter().copied().filter(|row| row % 4 != 1).collect();
        let bad: Vec<u64> = rows.iter().copied().filter(|row| row % 4 == 1).collect();
        for batch in BATCHES {
            let letters = Temporary::named(&format!("letters-{seed}-{batch}"));
            let asked = Rc::new(RefCell::new(Vec::new()));
            let decided = Rc::clone(&asked);
            let run = graph! {
                #![on_error = skip]
                rows = from_iter(rows.clone());
                rows -> [skipped, written, asked, by_default, by_arrow];
                #[on_error(skip)]
                skipped = picky();
                #[on_error(dead_letter(&letters.0))]
                written = picky();
                #[on_error(custom(move |of| {
                    decided.borrow_mut().push(of.row.error.clone());
                    streamweave::sink::on_error::Verdict::Skip
                }))]
                asked = picky();
                by_default = picky();
                by_arrow = picky();
                skipped -> a;
                written -> b;
                asked -> c;
                by_default -> d;
                by_arrow -> e;
                by_arrow.err -> map(|failed| failed.error) -> errors;
                a = collect();
                b = collect();
                c = collect();
                d = collect();
                e = collect();
                errors = collect();
            };
            let result = block_on(run.batch(batch).seed(seed).run()).expect("nothing stops it");
            result.assert_conserved();
            for passed in [&result.a, &result.b, &result.c, &result.d, &result.e] {
                assert_eq!(*passed, good);
            }
            let texts: Vec<String> = bad.iter().map(|row| format!("{row} is refused")).collect();
            assert_eq!(result.errors, texts);
            assert_eq!(*asked.borrow(), texts);
            let letters = letters.text();
            assert_eq!(letters.lines().count(), bad.len());
            assert!(
                letters
                    .lines()
                    .zip(&texts)
                    .all(|(line, text)| line.contains(&format!("\"error\":\"{text}\"")))
            );
            for policy in ["skipped.on_error", "written.on_error", "asked.on_error"] {
                assert_eq!(
                    result.report().node(policy).map(|node| node.absorbed),
                    Some(bad.len() as u64),
                    "{policy}"
                );
            }
        }
    }
}

#[test]
fn rows_that_are_refused_reach_their_policy_though_nobody_sees_the_rest() {
    let letters = Temporary::named("only-letters");
    for batch in BATCHES {
        let _ = std::fs::remove_file(&letters.0);
        let run = graph! {
            #![on_error = dead_letter(&letters.0)]
            rows = from_iter(0..4_000_u64);
            rows -> picky -> discard;
        };
        block_on(run.batch(batch).run()).expect("nothing stops it").assert_conserved();
        assert_eq!(letters.text().lines().count(), 1_000, "batch {batch}");
    }
}

#[test]
fn stop_brings_out_what_passed_before_and_names_the_first() {
    for batch in BATCHES {
        let (send, mut channel) = mpsc::channel(100);
        let run = graph! {
            rows = from_iter(10..60_u64);
            #[on_error(stop)]
            culprit = picky();
            rows -> culprit -> to_channel(send);
        };
        match block_on(run.batch(batch).run()) {
            Err(Error::Rejected { node: "culprit", cause, .. }) => {
                assert_eq!(cause.to_string(), "13 is refused")
            }
            other => panic!("expected the row that was refused, found {other:?}"),
        }
        let whole = 3 / batch as u64 * batch as u64 + batch as u64;
        let expected: Vec<u64> =
            (10..60).take(usize::try_from(whole).expect("small")).filter(|row| row % 4 != 1).collect();
        assert_eq!(received(&mut channel), expected, "batch {batch}");
    }
}
