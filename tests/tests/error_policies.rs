//! What becomes of rows that a node cannot take.

use streamweave::Error;
use streamweave::prelude::*;
use streamweave::sink::on_error::Verdict;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[node]
fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

const TEXTS: [&str; 4] = ["1", "x", "3", "y"];

#[test]
fn skip_drops_and_counts_what_fails() {
    let result = block_on(
        graph! {
            texts = from_iter(TEXTS);
            #[on_error(skip)]
            parsed = parse();
            texts -> parsed -> good;
            good = collect();
        }
        .run(),
    )
    .expect("nothing stops it");
    assert_eq!(result.good, [1, 3]);
    result.assert_conserved();
    assert_eq!(result.report().node("parsed.on_error").expect("it is there").absorbed, 2);
}

#[test]
fn stop_names_the_node_the_input_and_the_cause() {
    let outcome = block_on(
        graph! {
            texts = from_iter(TEXTS);
            #[on_error(stop)]
            parsed = parse();
            texts -> parsed -> good;
            good = collect();
        }
        .run(),
    );
    match outcome {
        Err(error @ Error::Rejected { node: "parsed", .. }) => {
            assert_eq!(
                error.to_string(),
                "node `parsed`: invalid digit found in string; its input was \"x\""
            );
        }
        other => panic!("expected the row that was refused, found {other:?}"),
    }
}

#[test]
fn a_default_holds_for_every_err_port_that_is_left_open() {
    let graph = |texts: &'static [&'static str]| {
        graph! {
            #![on_error = stop]
            texts = from_iter(texts.iter().copied());
            first = parse();
            second = try_map(|x: u32| x.checked_sub(1).ok_or("it is zero"));
            kept = parse();
            texts -> first -> second -> good;
            texts -> kept -> discard;
            kept.err -> map(|failed| failed.input) -> bad;
            good = collect();
            bad = collect();
        }
    };
    let result = block_on(graph(&["1", "2"]).run()).expect("nothing fails");
    assert_eq!(result.good, [0, 1]);
    result.assert_conserved();
    let outcome = block_on(graph(&["1", "0", "2"]).run());
    assert_eq!(outcome.expect_err("it stops").to_string(), "node `second`: it is zero");
    let outcome = block_on(graph(&["1", "?"]).run());
    assert_eq!(
        outcome.expect_err("it stops").to_string(),
        "node `first`: invalid digit found in string; its input was \"?\""
    );
}

#[test]
fn a_function_decides() {
    let mut seen = Vec::new();
    let outcome = block_on(
        graph! {
            texts = from_iter(TEXTS);
            #[on_error(custom(|of| {
                seen.push(of.row.input.to_owned());
                if of.row.input == "y" { Verdict::Stop } else { Verdict::Skip }
            }))]
            parsed = parse();
            texts -> parsed -> good;
            good = collect();
        }
        .run(),
    );
    assert!(matches!(outcome, Err(Error::Rejected { node: "parsed", .. })), "{outcome:?}");
    assert_eq!(seen, ["x", "y"]);
}

#[test]
fn dead_letters_go_to_a_file_with_node_cause_and_input() {
    let folder = std::env::temp_dir().join(format!("streamweave-dead-letters-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("dead.jsonl");
    let result = block_on(
        graph! {
            #![on_error = dead_letter(&path)]
            texts = from_iter(TEXTS);
            parsed = parse();
            texts -> parsed -> good;
            good = collect();
        }
        .run(),
    )
    .expect("nothing stops it");
    assert_eq!(result.good, [1, 3]);
    result.assert_conserved();
    assert_eq!(
        std::fs::read_to_string(&path).expect("it was written"),
        "{\"node\":\"parsed\",\"error\":\"invalid digit found in string\",\"input\":\"x\"}\n\
         {\"node\":\"parsed\",\"error\":\"invalid digit found in string\",\"input\":\"y\"}\n"
    );
    std::fs::remove_dir_all(&folder).expect("it was there");
}

#[test]
fn j2_a_slow_branch_holds_the_other_back_unless_its_arrow_says_otherwise() {
    block_on(async {
        let (slow, mut received) = tokio::sync::mpsc::channel(1);
        let running = async {
            graph! {
                numbers = from_iter(0..1000_u64);
                #[cap(4, drop_oldest)]
                numbers -> slow;
                numbers -> fast;
                slow = to_channel(slow);
                fast = collect();
            }
            .batch(10)
            .run()
            .await
        };
        let reading = async {
            let mut seen = Vec::new();
            while let Some(row) = received.recv().await {
                seen.push(row);
            }
            seen
        };
        let (result, seen) = futures::future::join(running, reading).await;
        let result = result.expect("nothing fails");
        assert_eq!(result.fast.len(), 1000);
        result.assert_conserved();
        let cap = result.report().node("cap").expect("it is there");
        assert_eq!(cap.passed + cap.filtered, 1000);
        assert_eq!(cap.passed, seen.len() as u64);
        assert_eq!(seen.last(), Some(&999));
    });
}
