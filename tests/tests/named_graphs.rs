//! Graphs with ports: driven by hand, under test, and as nodes of other graphs.

use streamweave::envelope::Timed;
use streamweave::prelude::*;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

graph! {
    /// Halves what is even.
    pub graph halves(numbers: u64) -> (even: u64, odd: u64) {
        parity = partition(|n| n % 2 == 0);
        numbers -> parity;
        parity.matching -> map(|n| n / 2) -> even;
        parity.rest -> odd;
    }
}

graph! {
    graph counts<K: Clone + Eq + std::hash::Hash>(events: Timed<K>; length: TimeDelta) -> (counts: Timed<(K, u64)>, late: K) {
        windows = tumbling(length).aggregate(Count::new);
        events -> key_by(|key: &K| key.clone()) -> windows;
        windows -> map(|keyed| (keyed.key, keyed.value.value)) -> counts;
        windows.late -> map(|late| late.row.key) -> late;
    }
}

graph! {
    graph either(left: u64, right: &'static str) -> (both: String) {
        left -> map(|n| n.to_string()) -> lefts;
        lefts = inspect(|_| ());
        right -> map(|text| text.to_owned()) -> rights;
        rights = inspect(|_| ());
        [lefts, rights] -> both;
    }
}

#[test]
fn a_graph_is_driven_by_hand() {
    block_on(async {
        let (graph, inputs, mut outputs) = halves::open();
        let running = graph.spawn();
        for n in 1..=4 {
            inputs.numbers.send(n).await.expect("it runs");
        }
        inputs.numbers.close();
        assert_eq!((outputs.even.recv().await, outputs.even.recv().await), (Some(1), Some(2)));
        assert_eq!((outputs.odd.recv().await, outputs.odd.recv().await), (Some(1), Some(3)));
        assert_eq!((outputs.even.recv().await, outputs.odd.recv().await), (None, None));
        running.await.expect("nothing fails").conserved().expect("the books balance");
    });
}

#[test]
fn a_graph_is_a_node_of_another_whose_ports_are_named() {
    let result = block_on(
        graph! {
            numbers = from_iter(1..=6);
            halved  = halves();
            numbers -> halved;
            halved.even -> even;
            halved.odd -> discard;
            even = collect();
        }
        .batch(2)
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(result.even, [1, 2, 3]);
    result.assert_conserved();
    let node = result.report().node("halved").expect("it is there");
    assert_eq!(node.inside.len(), 5);
}

graph! {
    graph called_like_operators(untimed: Timed<u64>, map: u64) -> (filter: u64) {
        untimed -> untimed() -> map(|n| n + 1) -> merge;
        merge = inspect(|_| ());
        map -> map(|n| n * 2) -> doubled;
        doubled = inspect(|_| ());
        [merge, doubled] -> filter(|n| n % 2 == 0) -> filter;
    }
}

#[test]
fn ports_and_inline_operators_of_one_name_have_books_of_their_own() {
    let mut graph = called_like_operators::harness();
    graph.inputs.untimed.send_at(1, EventTime::from_secs(0));
    graph.inputs.map.send(2);
    graph.inputs.map.send(3);
    let done = graph.finish().expect("nothing fails");
    done.assert_conserved();
    let mut names: Vec<_> = done.report().nodes().iter().map(|node| node.name.clone()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "doubled",
            "filter",
            "filter#2",
            "map",
            "map#2",
            "map#3",
            "merge",
            "merge#2",
            "untimed",
            "untimed#2"
        ]
    );
    assert_eq!(graph.outputs.filter.take(), [2, 4, 6]);
}

#[test]
fn inputs_are_fed_by_name_in_any_order() {
    let result = block_on(
        graph! {
            words   = from_iter(["x", "y"]);
            numbers = from_iter(1..=2);
            one_or_other = either();
            words -> one_or_other.right;
            numbers -> one_or_other.left;
            one_or_other.both -> both;
            both = collect();
        }
        .batch(1)
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(result.both, ["x", "1", "y", "2"]);
    result.assert_conserved();
}

#[test]
fn a_generic_timed_graph_under_test_has_frontiers_at_its_ports() {
    let at = EventTime::from_secs;
    let mut counts = counts::harness::<&str>(10.secs());
    counts.inputs.events.send_at("a", at(1));
    counts.inputs.events.send_at("a", at(3));
    counts.settle();
    assert!(counts.outputs.counts.take().is_empty());
    counts.inputs.events.advance_to(at(10));
    counts.inputs.events.send_at("b", at(2));
    counts.settle();
    assert_eq!(counts.outputs.counts.take(), [("a", 2)]);
    assert_eq!(counts.outputs.late.take(), ["b"]);
    counts.finish().expect("nothing fails").assert_conserved();
    assert!(counts.outputs.counts.updates().is_empty());
    assert!(counts.outputs.counts.frontier().is_end());
}

#[test]
fn j10_a_graph_that_drains_works_on_what_was_sent_before() {
    for batch in [1, 7, 1024] {
        block_on(async {
            let (graph, inputs, mut outputs) = halves::open();
            for n in 0..1_000 {
                inputs.numbers.send(n).await.expect("there is room");
            }
            let running = graph.batch(batch).spawn();
            running.drain();
            for n in 0..500 {
                assert_eq!(outputs.even.recv().await, Some(n));
                assert_eq!(outputs.odd.recv().await, Some(2 * n + 1));
            }
            assert_eq!((outputs.even.recv().await, outputs.odd.recv().await), (None, None));
            running.await.expect("nothing fails").conserved().expect("the books balance");
            assert!(inputs.numbers.send(1_000).await.is_err(), "what comes later is refused");
        });
    }
    let mut halves = halves::harness();
    halves.inputs.numbers.send(4);
    halves.finish().expect("nothing fails").assert_conserved();
    assert_eq!(halves.outputs.even.take(), [2]);
}

graph! {
    graph chunks(numbers: u64) -> (chunks: Vec<u64>) {
        numbers -> batch(3) -> chunked;
        chunked = inspect(|_| ());
        chunked -> chunks;
    }
}

#[test]
fn j7_a_drain_ends_the_inputs_of_a_graph_inside_a_node_once_and_last() {
    for batch in [1, 7, 1024] {
        let (send, receive) = tokio::sync::mpsc::channel(100);
        (0..10).for_each(|n| send.try_send(n).expect("there is room"));
        let result = block_on(
            graph! {
                numbers = from_channel(receive);
                inner   = chunks();
                numbers -> inner;
                inner.chunks -> all;
                all = collect();
            }
            .batch(batch)
            .run_until(std::future::ready(())),
        )
        .expect("nothing fails");
        assert_eq!(result.all, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8], vec![9]], "batch {batch}");
        result.assert_conserved();
    }
}

#[test]
fn a_graph_whose_outputs_nobody_reads_any_more_ends_though_its_inputs_are_open() {
    block_on(async {
        let (graph, inputs, outputs) = halves::open();
        let running = graph.spawn();
        inputs.numbers.send(1).await.expect("it runs");
        tokio::task::yield_now().await;
        drop(outputs);
        running.await.expect("it drains");
        assert_eq!(inputs.numbers.try_send(2), Err(streamweave::executor::Unsent::Closed(2)));
    });
}

#[node]
fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

graph! {
    graph numbers(texts: String; letters: std::path::PathBuf) -> (good: u32) {
        #[on_error(dead_letter(letters))]
        parsed = parse();
        texts -> parsed -> good;
    }
}

#[test]
fn a_graph_under_test_waits_for_the_threads_that_write_its_files() {
    let folder = std::env::temp_dir().join(format!("streamweave-harness-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for round in 0..20 {
        let path = folder.join(format!("{round}.jsonl"));
        let mut numbers = numbers::harness(path.clone());
        numbers.inputs.texts.send("1".to_owned());
        numbers.inputs.texts.send("x".to_owned());
        numbers.settle();
        assert_eq!(numbers.outputs.good.take(), [1]);
        assert_eq!(std::fs::read_to_string(&path).expect("it was opened").lines().count(), 1);
        numbers.inputs.texts.send("2".to_owned());
        numbers.finish().expect("nothing fails").assert_conserved();
        assert_eq!(numbers.outputs.good.take(), [2]);
    }
    std::fs::remove_dir_all(&folder).expect("it was there");
}

graph! {
    graph slowly(rows: u32; clock: streamweave::time::ManualClock) -> (done: u32) {
        slow = async_map(move |row| {
            let waited = clock.sleep(1.days());
            async move {
                waited.await;
                row
            }
        });
        rows -> slow -> done;
    }
}

#[test]
fn a_graph_under_test_is_not_finished_while_calls_are_in_flight() {
    let clock = streamweave::time::ManualClock::new();
    let mut slowly = slowly::harness(clock.clone());
    slowly.inputs.rows.send(1);
    let error = slowly.finish().expect_err("a call is in flight");
    assert!(error.to_string().contains("slow"), "{error}");
    clock.advance(1.days());
    slowly.finish().expect("it has ended").assert_conserved();
    assert_eq!(slowly.outputs.done.take(), [1]);
}
