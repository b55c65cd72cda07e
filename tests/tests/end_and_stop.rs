//! Rules J6, J8, J9, J11 and A13: how a stream ends, how a graph is stopped, and what comes out then.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use streamweave::prelude::*;
use streamweave::time::ManualClock;
use streamweave::{Error, csv, jsonl, lines, testing};
use streamweave_tests::random::Random;
use streamweave_tests::{finish, until_it_waits};
use tokio::sync::{mpsc, oneshot};

const BATCHES: [usize; 3] = [1, 7, 1024];

fn micros(at: &i64) -> EventTime {
    EventTime::from_micros(*at)
}

/// A file that is removed after the test.
struct Temporary(PathBuf);

impl Temporary {
    fn named(name: &str) -> Self {
        Temporary(std::env::temp_dir().join(format!("streamweave-end-{}-{name}", std::process::id())))
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

/// All that a channel holds.
fn received<D>(from: &mut mpsc::Receiver<D>) -> Vec<D> {
    std::iter::from_fn(|| from.try_recv().ok()).collect()
}

/// Goes on with a run, whose threads write, until `reached`; a run that never gets there fails the test.
fn poll_until<T>(
    mut run: std::pin::Pin<&mut impl Future<Output = T>>,
    what: &str,
    reached: impl Fn() -> bool,
) {
    let began = Instant::now();
    while !reached() {
        assert!(until_it_waits(run.as_mut()).is_pending(), "it ended before {what}");
        assert!(began.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::yield_now();
    }
}

/// How many rows fall into each window of so many microseconds, by start.
fn counted(rows: &[i64], length: i64) -> Vec<(i64, u64)> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.div_euclid(length) * length).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[test]
fn j6_all_data_comes_first_then_every_window_fires_then_sinks_are_flushed_and_the_run_is_done() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let rows: Vec<i64> = (0..40 + random.place(60)).map(|_| random.between(-50, 50)).collect();
        for batch in BATCHES {
            let clock = ManualClock::new();
            let file = Temporary::named(&format!("j6-{seed}-{batch}"));
            let log = RefCell::new(Vec::new());
            let waits = clock.clone();
            let graph = graph! {
                rows = from_iter(rows.clone());
                // All is held back: only the end of the stream fires anything.
                timed = event_time(micros, bounded(1.hours()));
                tens = tumbling(10.micros()).aggregate(Count::new);
                hundreds = tumbling(100.micros()).fold(Vec::new, |all: &mut Vec<u64>, count| all.push(count));
                rows -> timed -> inspect(|row| log.borrow_mut().push(format!("row {row}")))
                    -> async_map(move |row: i64| { let nap = waits.sleep(row.unsigned_abs().cast_signed().micros()); async move { nap.await; row } })
                    -> key_by(|_| ()) -> tens -> inspect(|pane| log.borrow_mut().push(format!("ten {}", pane.value.window.start.micros())))
                    -> map(|pane| Keyed { key: (), value: pane.value.value }) -> hundreds
                    -> inspect(|_| log.borrow_mut().push("hundred".to_owned())) -> map(|pane| pane.value.value.len()) -> out;
                tens.late -> discard;
                hundreds.late -> discard;
                out = lines::write(&file.0);
            };
            // A file is written by a thread, which the clock does not know.
            let mut run = pin!(graph.clock(clock.clone()).seed(seed).batch(batch).run());
            let began = Instant::now();
            let result = loop {
                match until_it_waits(run.as_mut()) {
                    Poll::Ready(result) => break result.expect("nothing fails"),
                    Poll::Pending => _ = clock.jump(),
                }
                assert!(began.elapsed() < Duration::from_secs(10), "it never ends");
            };
            let expected = counted(&rows, 10);
            let log = log.take();
            let (head, tail) = log.split_at(rows.len());
            assert!(head.iter().all(|entry| entry.starts_with("row")), "seed {seed}: {log:?}");
            let tens: Vec<String> = expected.iter().map(|(start, _)| format!("ten {start}")).collect();
            let fired: Vec<&String> = tail.iter().filter(|entry| entry.starts_with("ten")).collect();
            assert_eq!(fired, tens.iter().collect::<Vec<_>>(), "seed {seed}");
            let hundreds = counted(&expected.iter().map(|(start, _)| start + 9).collect::<Vec<_>>(), 100);
            let written: String = hundreds.iter().map(|(_, count)| format!("{count}\n")).collect();
            assert_eq!(file.text(), written, "seed {seed}, batch {batch}");
            assert_eq!(result.out, hundreds.len() as u64);
            result.assert_conserved();
        }
    }
}

#[test]
fn j6_a_drained_graph_fires_its_windows_as_one_that_ends() {
    for batch in BATCHES {
        for taken in [0, 1, 13, 50] {
            let (send, receive) = mpsc::channel(100);
            let (out, mut panes) = mpsc::channel(100);
            let (stop, stopped) = oneshot::channel::<()>();
            let mut run = pin!(
                graph! {
                    rows = from_channel(receive);
                    tens = tumbling(10.micros()).aggregate(Count::new);
                    rows -> event_time(micros, bounded(0.micros())) -> key_by(|_| ()) -> tens
                        -> map(|pane| (pane.value.window.start.micros(), pane.value.value)) -> to_channel(out);
                    tens.late -> discard;
                }
                .batch(batch)
                .run_until(async { _ = stopped.await })
            );
            let rows: Vec<i64> = (0..taken).collect();
            rows.iter().for_each(|row| send.try_send(*row).expect("there is room"));
            assert!(until_it_waits(run.as_mut()).is_pending());
            let closed = usize::try_from(taken - 1).unwrap_or(0) / 10;
            assert_eq!(received(&mut panes), counted(&rows, 10)[..closed]);
            stop.send(()).expect("it runs");
            assert!(until_it_waits(run.as_mut()).is_ready());
            assert_eq!(received(&mut panes), counted(&rows, 10)[closed..]);
        }
    }
}

#[test]
fn j8_a_drain_that_is_stuck_ends_at_its_deadline_and_names_the_sink() {
    for batch in BATCHES {
        for seed in 0..10 {
            let clock = ManualClock::new();
            let (full, _held) = mpsc::channel(1);
            let (stop, stopped) = oneshot::channel::<()>();
            let mut run = pin!(
                graph! {
                    rows = from_iter(0..100_000);
                    others = from_iter(0..100);
                    rows -> map(|row| row) -> stuck;
                    [rows, others] -> flows;
                    stuck = to_channel(full);
                    flows = for_each(|_| ());
                }
                .batch(batch)
                .seed(seed)
                .clock(clock.clone())
                .drain_within(10.secs())
                .run_until(async { _ = stopped.await })
            );
            assert!(until_it_waits(run.as_mut()).is_pending());
            clock.advance(1.hours());
            assert!(until_it_waits(run.as_mut()).is_pending(), "nothing was to be drained yet");
            stop.send(()).expect("it runs");
            assert!(until_it_waits(run.as_mut()).is_pending());
            clock.advance(9_999.millis());
            assert!(until_it_waits(run.as_mut()).is_pending(), "the deadline is still ahead");
            clock.advance(1.millis());
            match until_it_waits(run.as_mut()) {
                Poll::Ready(Err(Error::Stuck { within, stuck, .. })) => {
                    assert_eq!(within, 10.secs());
                    assert!(stuck.contains("stuck: "), "{stuck}");
                    assert!(!stuck.contains("flows"), "{stuck}");
                }
                other => panic!("expected the deadline, found {:?}", other.map(|end| end.map(|_| ()))),
            }
        }
    }
}

#[test]
fn j8_a_drain_that_waits_for_a_call_ends_at_its_deadline_and_names_the_call() {
    let clock = ManualClock::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut run = pin!(
        graph! {
            rows = from_iter(0..3);
            never = async_map(|_: i32| std::future::pending::<()>());
            rows -> never -> discard;
        }
        .clock(clock.clone())
        .drain_within(5.secs())
        .run_until(async { _ = stopped.await })
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    stop.send(()).expect("it runs");
    assert!(until_it_waits(run.as_mut()).is_pending());
    clock.advance(5.secs());
    match until_it_waits(run.as_mut()) {
        Poll::Ready(Err(Error::Stuck { stuck, .. })) => assert!(stuck.contains("never: "), "{stuck}"),
        other => panic!("expected the deadline, found {:?}", other.map(|end| end.map(|_| ()))),
    }
}

#[test]
fn j8_after_a_failure_too_what_is_written_is_bounded_by_the_deadline() {
    for batch in BATCHES {
        let clock = ManualClock::new();
        let (full, _held) = mpsc::channel(1);
        let (trigger, triggered) = mpsc::channel(1);
        let mut run = pin!(
            graph! {
                rows = from_iter(0..100);
                bad = from_channel(triggered);
                rows -> stuck;
                bad -> for_each(|()| panic!("the source of all evil"));
                stuck = to_channel(full);
            }
            .batch(batch)
            .clock(clock.clone())
            .drain_within(10.secs())
            .run()
        );
        assert!(until_it_waits(run.as_mut()).is_pending());
        clock.advance(1.hours());
        trigger.try_send(()).expect("there is room");
        assert!(until_it_waits(run.as_mut()).is_pending(), "it writes what it has first");
        clock.advance(9_999.millis());
        assert!(until_it_waits(run.as_mut()).is_pending(), "the deadline is still ahead");
        clock.advance(1.millis());
        match until_it_waits(run.as_mut()) {
            Poll::Ready(Err(error @ Error::Stuck { .. })) => {
                let text = error.to_string();
                assert!(text.contains("stuck: "), "{text}");
                assert!(text.contains("the source of all evil"), "why it was to end is not lost: {text}");
            }
            other => panic!("expected the deadline, found {:?}", other.map(|end| end.map(|_| ()))),
        }
    }
}

#[cfg(unix)]
#[test]
fn j8_a_file_that_cannot_be_opened_for_now_is_bounded_too_and_answers_meanwhile() {
    // Nobody reads the pipe, so that opening it takes for ever.
    let pipe = Temporary::named("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe.0).status().is_ok_and(|made| made.success()));
    let clock = ManualClock::new();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut run = pin!(
        graph! {
            rows = from_iter(0..100);
            rows -> stuck;
            stuck = lines::write(&pipe.0);
        }
        .clock(clock.clone())
        .drain_within(10.secs())
        .run_until(async { _ = stopped.await })
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    stop.send(()).expect("it runs");
    assert!(until_it_waits(run.as_mut()).is_pending());
    clock.advance(10.secs());
    match until_it_waits(run.as_mut()) {
        Poll::Ready(Err(Error::Stuck { stuck, .. })) => assert!(stuck.contains("stuck: "), "{stuck}"),
        other => panic!("expected the deadline, found {:?}", other.map(|end| end.map(|_| ()))),
    }
}

graph! {
    /// A graph with a source of its own, which is silent.
    graph listens(rows: u64; silent: mpsc::Receiver<u64>) -> (out: u64) {
        silent = from_channel(silent);
        [rows, silent] -> out;
    }
}

#[test]
fn j8_a_graph_in_a_node_drains_its_own_sources_too() {
    let (_held, silent) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel::<()>();
    let mut run = pin!(
        graph! {
            rows = from_iter(0..3);
            inner = listens(silent);
            rows -> inner -> both;
            both = collect();
        }
        .run_until(async { _ = stopped.await })
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    stop.send(()).expect("it runs");
    match until_it_waits(run.as_mut()) {
        Poll::Ready(Ok(result)) => assert_eq!(result.both, [0, 1, 2]),
        other => panic!("expected the end, found {:?}", other.map(|end| end.map(|_| ()))),
    }
}

#[test]
fn j9_rows_held_for_a_block_are_written_when_the_input_pauses_and_at_the_end() {
    for batch in BATCHES {
        let file = |name: &str| Temporary::named(&format!("j9-{batch}-{name}"));
        let (text, commas, objects) = (file("lines"), file("csv"), file("jsonl"));
        let (send, receive) = mpsc::channel(100);
        let mut run = pin!(
            graph! {
                rows = from_channel(receive);
                rows -> [text, commas, objects];
                text = lines::write(&text.0);
                commas = map(|row: u64| (row,)) ;
                commas -> csv::write(&commas.0);
                objects = jsonl::write(&objects.0);
            }
            .batch(batch)
            .run()
        );
        let mut expected = String::new();
        for round in 0..3_u64 {
            for row in 0..10 {
                send.try_send(round * 10 + row).expect("there is room");
                expected += &format!("{}\n", round * 10 + row);
            }
            for file in [&text, &commas, &objects] {
                poll_until(run.as_mut(), "written though nothing more comes", || file.text() == expected);
            }
        }
        send.try_send(99).expect("there is room");
        drop(send);
        finish(run);
        for file in [&text, &commas, &objects] {
            assert_eq!(file.text(), format!("{expected}99\n"));
        }
    }
}

#[test]
fn j9_rows_held_for_a_block_are_written_though_another_sink_is_stuck() {
    for batch in BATCHES {
        let file = Temporary::named(&format!("j9-stuck-{batch}"));
        let (send, receive) = mpsc::channel(100);
        let (full, mut slow) = mpsc::channel(1);
        let mut run = pin!(
            graph! {
                rows = from_channel(receive);
                others = from_iter(0..3_u64);
                rows -> text;
                others -> to_channel(full);
                text = lines::write(&file.0);
            }
            .batch(batch)
            .run()
        );
        (0..3_u64).for_each(|row| send.try_send(row).expect("there is room"));
        poll_until(run.as_mut(), "written beside a sink that is stuck", || file.text() == "0\n1\n2\n");
        send.try_send(3).expect("there is room");
        assert!(until_it_waits(run.as_mut()).is_pending());
        assert_eq!(slow.try_recv(), Ok(0));
        poll_until(run.as_mut(), "written after the sink has gone on", || file.text() == "0\n1\n2\n3\n");
        drop(slow);
    }
}

#[test]
fn j9_rows_held_for_a_block_are_written_after_a_failure_of_another_sink() {
    let good = Temporary::named("j9-good");
    let outcome = block_on(
        graph! {
            rows = from_iter(0..20_000_u64);
            rows -> map(|row| BTreeMap::from([(row, row)])) -> bad;
            rows -> good;
            // A map has no header.
            bad = csv::write(Temporary::named("j9-bad").0.clone());
            good = lines::write(&good.0);
        }
        .batch(1024)
        .run(),
    );
    assert!(matches!(outcome, Err(Error::Failed { node: "bad", .. })), "{outcome:?}");
    let expected: String = (0..1024).map(|row| format!("{row}\n")).collect();
    assert_eq!(good.text(), expected);
    drop(Temporary::named("j9-bad"));
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[test]
fn j11_an_aborted_graph_emits_no_window_that_is_half_done() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let rows: Vec<i64> = (0..random.between(0, 80)).map(|at| at + random.between(0, 3)).collect();
        for batch in BATCHES {
            let (send, receive) = mpsc::channel(100);
            let (out, mut panes) = mpsc::channel(100);
            {
                let mut run = pin!(
                    graph! {
                        rows = from_channel(receive);
                        tens = tumbling(10.micros()).aggregate(Count::new);
                        rows -> event_time(micros, bounded(3.micros())) -> key_by(|_| ()) -> tens
                            -> map(|pane| (pane.value.window.end.micros(), pane.value.value)) -> to_channel(out);
                        tens.late -> discard;
                    }
                    .batch(batch)
                    .run()
                );
                rows.iter().for_each(|row| send.try_send(*row).expect("there is room"));
                assert!(until_it_waits(run.as_mut()).is_pending());
            }
            let frontier = rows.iter().max().map_or(i64::MIN, |most| most - 3);
            let mut expected = counted(&rows, 10);
            expected.iter_mut().for_each(|(start, _)| *start += 10);
            expected.retain(|(end, _)| *end <= frontier);
            assert_eq!(received(&mut panes), expected, "seed {seed}, batch {batch}");
        }
    }
}

graph! {
    graph tens(rows: Timed<i64>) -> (out: Timed<(i64, u64)>) {
        windows = tumbling(10.micros()).aggregate(Count::new);
        rows -> key_by(|_: &i64| ()) -> windows -> map(|pane| (pane.value.window.start.micros(), pane.value.value)) -> out;
        windows.late -> discard;
    }
}

#[test]
fn j11_the_output_of_an_aborted_graph_does_not_say_that_its_stream_is_complete() {
    block_on(async {
        for ends in [true, false] {
            let (graph, inputs, mut outputs) = tens::open();
            let running = graph.spawn();
            inputs.rows.send_at(1, EventTime::from_micros(1)).await.expect("it runs");
            inputs.rows.send_at(12, EventTime::from_micros(12)).await.expect("it runs");
            inputs.rows.advance_to(EventTime::from_micros(12)).await.expect("it runs");
            let first = outputs.out.update().await.map(|row| row.data);
            assert_eq!(first, Some((0, 1)));
            if ends {
                inputs.rows.close();
                assert_eq!(outputs.out.update().await.map(|row| row.data), Some((10, 1)));
            } else {
                running.abort();
            }
            assert_eq!(outputs.out.update().await.map(|row| row.data), None);
            assert_eq!(outputs.out.frontier().is_end(), ends, "an abort is no end");
            assert_eq!(running.await.is_ok(), ends);
        }
    });
}

graph! {
    graph merged(left: Timed<i64>, right: Timed<i64>) -> (panes: Timed<(i64, u64)>) {
        inner = tens();
        [left, right] -> inner -> panes;
    }
}

/// Tells the frontiers that it sees.
#[derive(Default)]
struct Told {}

#[node]
impl Told {
    fn on_left(&mut self, _row: i64) {}

    fn on_right(&mut self, _row: i64) {}

    fn on_frontier(&mut self, told: &mut Out<Option<i64>>, cx: &Cx) {
        told.send(cx.frontier().time().map(|time| time.micros()));
    }
}

graph! {
    graph told_by_two(left: Timed<i64>, right: Timed<i64>) -> (told: Timed<Option<i64>>) {
        node = Told(Told::default());
        left -> node.left;
        right -> node.right;
        node.told -> told;
    }
}

#[test]
fn a13_an_input_that_has_ended_does_not_hold_back_the_other_of_a_merge() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut merged = merged::harness();
        merged.seed(seed);
        // Where each input has come to; an end is far away.
        let mut reached = [i64::MIN; 2];
        let mut rows: Vec<i64> = Vec::new();
        let mut fired = Vec::new();
        let first_to_end = random.place(2);
        for step in 0..40 {
            let port = random.place(2);
            if reached[port] == i64::MAX {
                continue;
            }
            let from = reached[port].max(0);
            let at = from + random.between(0, 8);
            let feed = if port == 0 { &mut merged.inputs.left } else { &mut merged.inputs.right };
            match random.below(3) {
                0 => {
                    feed.send_at(at, EventTime::from_micros(at));
                    rows.push(at);
                }
                1 => {
                    feed.advance_to(EventTime::from_micros(at));
                    reached[port] = at;
                }
                _ if step > 10 && port == first_to_end => {
                    feed.close();
                    reached[port] = i64::MAX;
                }
                _ => {}
            }
            merged.settle();
            fired.extend(merged.outputs.panes.take());
            let frontier = reached[0].min(reached[1]);
            let expected: Vec<_> =
                counted(&rows, 10).into_iter().filter(|(start, _)| start + 10 <= frontier).collect();
            assert_eq!(fired, expected, "seed {seed}, step {step}");
        }
        merged.finish().expect("nothing fails").assert_conserved();
    }
}

#[test]
fn a13_an_input_by_name_that_has_ended_does_not_hold_back_the_other() {
    for left_ends in [true, false] {
        let mut told = told_by_two::harness();
        let (ends, goes_on) = if left_ends {
            (&mut told.inputs.left, &mut told.inputs.right)
        } else {
            (&mut told.inputs.right, &mut told.inputs.left)
        };
        goes_on.advance_to(EventTime::from_micros(7));
        ends.advance_to(EventTime::from_micros(3));
        ends.close();
        told.settle();
        let at_port = told.outputs.told.take();
        assert_eq!(at_port.last(), Some(&Some(7)), "{at_port:?}");
        let goes_on = if left_ends { &mut told.inputs.right } else { &mut told.inputs.left };
        goes_on.advance_to(EventTime::from_micros(9));
        told.settle();
        assert_eq!(told.outputs.told.take(), [Some(9)]);
        told.finish().expect("nothing fails").assert_conserved();
        assert_eq!(told.outputs.told.take(), [None]);
    }
}

#[test]
fn j6_a_graph_whose_rows_are_only_looked_at_sees_all_of_them() {
    for batch in BATCHES {
        let mut seen = 0;
        let graph = graph! {
            rows = from_iter(0..3_000);
            rows -> inspect(|_| seen += 1) -> discard;
        };
        testing::run(graph.batch(batch), ManualClock::new(), 1).expect("nothing fails").assert_conserved();
        assert_eq!(seen, 3_000, "batch {batch}");
    }
}
