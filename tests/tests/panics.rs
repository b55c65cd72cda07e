//! A node that panics ends its graph, names itself, and harms nothing else (rule K1).

use std::cell::Cell;

use streamweave::Error;
use streamweave::prelude::*;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// The node that panicked.
fn node_of<R>(outcome: &Result<R, Error>) -> Option<&str> {
    match outcome {
        Err(Error::Panicked(report)) => Some(&report.node),
        _ => None,
    }
}

#[node]
fn divide(x: u64, #[param] by: u64) -> u64 {
    x / by
}

#[test]
fn k1_a_panic_names_the_node_however_deep_it_stands() {
    let seen = Cell::new(0);
    let outcome = block_on(
        graph! {
            numbers = from_iter(1..=100_u64);
            culprit = divide(0);
            behind  = for_each(|_: u64| seen.set(seen.get() + 1));
            numbers -> map(|x| x + 1) -> filter(|x| x % 2 == 0) -> culprit -> map(|x| x * 2) -> behind;
        }
        .run(),
    );
    match outcome {
        Err(Error::Panicked(report)) => {
            assert_eq!(report.node, "culprit");
            assert!(report.message.contains("divide by zero"), "{report}");
            let location = report.location.as_deref().expect("the hook has seen it");
            assert!(location.contains("panics.rs"), "{report}");
            assert_eq!((report.batch, report.source), (1, Some(("numbers", 0))));
        }
        other => panic!("expected the panic, found {other:?}"),
    }
    assert_eq!(seen.get(), 0);
}

#[test]
fn k1_a_panic_behind_a_fan_in_or_in_a_firing_window_names_its_node_too() {
    let outcome = block_on(
        graph! {
            a = from_iter(0..10_i64);
            b = from_iter(10..20_i64);
            [a, b] -> event_time(|x| EventTime::from_secs(*x), bounded(100.secs())) -> key_by(|_| ()) -> counts -> bad -> discard;
            counts = tumbling(5.secs()).aggregate(Count::new);
            counts.late -> discard;
            bad = inspect(|_| panic!("on purpose"));
        }
        .run(),
    );
    assert_eq!(node_of(&outcome), Some("bad"), "{outcome:?}");
}

#[test]
fn k1_a_source_that_panics_is_named_and_other_graphs_live() {
    block_on(async {
        let bad = graph! {
            source = from_iter((0..10).inspect(|x| assert!(*x < 5, "no more")));
            source -> collected;
            collected = collect();
        };
        let good = graph! {
            source = from_iter(0..10);
            source -> collected;
            collected = collect();
        };
        let (bad, good) = futures::future::join(bad.run(), good.run()).await;
        assert_eq!(node_of(&bad), Some("source"), "{bad:?}");
        assert_eq!(good.expect("it lives").collected, Vec::from_iter(0..10));
    });
}

#[test]
fn k1_what_the_failed_batch_made_is_not_sent() {
    block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
        let outcome = graph! {
            numbers = from_iter(0..40_u64);
            numbers -> map(|x| if x == 25 { panic!("at 25") } else { x }) -> sent;
            sent = to_channel(sender);
        }
        .batch(10)
        .run()
        .await;
        let Err(Error::Panicked(report)) = outcome else { panic!("expected the panic, found {outcome:?}") };
        assert_eq!((report.batch, report.source, report.discarded), (3, Some(("numbers", 20)), 5));
        let mut received = Vec::new();
        while let Some(x) = receiver.recv().await {
            received.push(x);
        }
        assert_eq!(received, Vec::from_iter(0..20));
    });
}

/// Whether backtraces are taken is settled once for a process: so the test runs itself again, asked for one and not.
#[test]
fn k1_the_report_has_the_backtrace_where_the_environment_asks_for_it() {
    const ASKED: &str = "STREAMWEAVE_BACKTRACE_IS_ASKED_FOR";
    let Ok(asked) = std::env::var(ASKED) else {
        for asked in ["1", "0"] {
            let mut again = std::process::Command::new(std::env::current_exe().expect("this test"));
            again.args(["--exact", "k1_the_report_has_the_backtrace_where_the_environment_asks_for_it"]);
            again.env(ASKED, asked).env("RUST_BACKTRACE", asked).env_remove("RUST_LIB_BACKTRACE");
            let output = again.output().expect("it runs");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "asked for {asked}: {text}");
        }
        return;
    };
    let outcome = block_on(
        graph! {
            numbers = from_iter(1..=3_u64);
            culprit = divide(0);
            numbers -> culprit -> discard;
        }
        .run(),
    );
    let Err(Error::Panicked(report)) = outcome else { panic!("expected the panic, found {outcome:?}") };
    let backtrace = report.backtrace.to_string();
    assert_eq!(backtrace.contains("divide"), asked == "1", "{backtrace}");
}
