//! Named graphs with somebody at their ports: senders, receivers, and graphs around them.

use std::cell::Cell;
use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use streamweave::prelude::*;
use streamweave_tests::random::Random;
use streamweave_tests::until_it_waits;
use tokio::sync::mpsc;

const BATCHES: [usize; 3] = [1, 7, 1024];

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Polls a future that is to be ready at once.
#[track_caller]
fn now<T>(future: impl Future<Output = T>) -> T {
    match until_it_waits(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

graph! {
    graph doubles(rows: u64) -> (out: u64, odd: u64) {
        rows -> map(|row| row * 2) -> out;
        rows -> filter(|row| row % 2 == 1) -> odd;
    }
}

graph! {
    graph late(rows: Timed<i64>) -> (out: Timed<u64>, late: i64) {
        tens = tumbling(10.micros()).aggregate(Count::new);
        rows -> key_by(|_: &i64| ()) -> tens -> map(|pane| pane.value.value) -> out;
        tens.late -> map(|late| late.row.value) -> late;
    }
}

#[test]
fn a_stream_ends_when_the_last_clone_of_its_sender_is_gone_in_whatever_order() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let (graph, inputs, mut outputs) = doubles::open();
        let mut run = pin!(graph.batch(1 + random.place(5)).run());
        let mut senders = vec![inputs.rows];
        let mut sent = Vec::new();
        while !senders.is_empty() {
            assert!(until_it_waits(run.as_mut()).is_pending());
            let at = random.place(senders.len());
            match random.below(4) {
                0 if sent.len() < 60 => senders.push(senders[at].clone()),
                1 | 2 => {
                    now(senders[at].send(sent.len() as u64)).expect("it runs");
                    sent.push(sent.len() as u64);
                }
                _ => senders.swap_remove(at).close(),
            }
        }
        let Poll::Ready(ended) = until_it_waits(run.as_mut()) else { panic!("the input has ended") };
        ended.expect("nothing fails").conserved().expect("the books balance");
        let even: Vec<u64> = std::iter::from_fn(|| now(outputs.out.recv())).collect();
        let odd: Vec<u64> = std::iter::from_fn(|| now(outputs.odd.recv())).collect();
        assert_eq!(even, sent.iter().map(|row| row * 2).collect::<Vec<_>>());
        assert_eq!(odd, sent.iter().copied().filter(|row| row % 2 == 1).collect::<Vec<_>>());
        assert!(outputs.out.frontier().is_end() && outputs.odd.frontier().is_end());
    }
}

#[test]
fn a_full_input_makes_the_sender_wait_and_a_full_output_the_graph() {
    for batch in [1_u64, 7, 1024] {
        let (graph, inputs, mut outputs) = doubles::open();
        // One output is enough to hold all.
        drop(outputs.odd);
        let mut run = pin!(graph.batch(batch as usize).run());
        let mut sent = 0;
        let mut send_all = || {
            loop {
                if until_it_waits(pin!(inputs.rows.send(sent))).is_pending() {
                    break sent;
                }
                sent += 1;
            }
        };
        assert_eq!(send_all(), 1024, "nobody takes anything yet");
        let most = loop {
            assert!(until_it_waits(run.as_mut()).is_pending());
            let before = send_all();
            assert!(until_it_waits(run.as_mut()).is_pending());
            if send_all() == before {
                break before;
            }
        };
        // In the output, in a batch beyond it, taken from the input, and in the input.
        assert!((2048..=1024 + batch + 1024 + 1024).contains(&most), "batch {batch}: {most} sent");
        for row in 0..3_000 {
            assert!(until_it_waits(run.as_mut()).is_pending());
            let received = now(outputs.out.recv());
            assert_eq!(received, Some(row * 2));
            let sent = send_all();
            assert!(sent - row <= most + 1, "{sent} sent, {row} received");
        }
    }
}

#[test]
fn a_graph_whose_outputs_nobody_reads_drains_and_one_that_is_read_does_not() {
    for (read, batch) in [(true, 1), (true, 64), (false, 1), (false, 64)] {
        let (graph, inputs, outputs) = doubles::open();
        drop(outputs.odd);
        let mut run = pin!(graph.batch(batch).run());
        for row in 0..50 {
            now(inputs.rows.send(row)).expect("it runs");
        }
        assert!(until_it_waits(run.as_mut()).is_pending());
        let mut kept = read.then_some(outputs.out);
        now(inputs.rows.send(50)).expect("it runs");
        let ended = until_it_waits(run.as_mut());
        assert_eq!(ended.is_ready(), !read);
        match &mut kept {
            None => assert_eq!(now(inputs.rows.send(51)).map_err(|closed| closed.0), Err(51)),
            Some(out) => {
                for row in 0..=50 {
                    assert_eq!(now(out.recv()), Some(row * 2));
                }
            }
        }
    }
}

#[test]
fn what_was_sent_before_a_drain_comes_out() {
    for batch in BATCHES {
        let (graph, inputs, mut outputs) = doubles::open();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let mut run = pin!(graph.batch(batch).run_until(async { _ = stopped.await }));
        assert!(until_it_waits(run.as_mut()).is_pending());
        for row in 0..100 {
            now(inputs.rows.send(row)).expect("it runs");
        }
        stop.send(()).expect("it runs");
        assert!(until_it_waits(run.as_mut()).is_ready());
        let rows: Vec<u64> = std::iter::from_fn(|| now(outputs.out.recv())).collect();
        assert_eq!(rows, (0..100).map(|row| row * 2).collect::<Vec<_>>(), "batch {batch}");
        assert!(now(inputs.rows.send(100)).is_err());
    }
}

#[test]
fn rows_that_were_fed_and_not_settled_are_there_when_a_test_finishes() {
    let mut doubles = doubles::harness();
    (0..10).for_each(|row| doubles.inputs.rows.send(row));
    doubles.finish().expect("nothing fails").assert_conserved();
    assert_eq!(doubles.outputs.odd.take(), [1, 3, 5, 7, 9]);
}

#[test]
fn a_row_behind_what_was_promised_is_late_and_to_go_back_has_no_effect() {
    let at = EventTime::from_micros;
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut late = late::harness();
        late.seed(seed);
        let (mut frontier, mut expected_late) = (i64::MIN, Vec::new());
        let mut windows: std::collections::BTreeMap<i64, u64> = Default::default();
        let mut fired = Vec::new();
        for row in 0..60 {
            let time = random.between(0, 60);
            if random.percent(30) {
                late.inputs.rows.advance_to(at(time));
                frontier = frontier.max(time);
            } else {
                late.inputs.rows.send_at(row, at(time));
                let start = time.div_euclid(10) * 10;
                if start + 10 <= frontier {
                    expected_late.push(row);
                } else {
                    *windows.entry(start).or_default() += 1;
                }
            }
            if random.percent(30) {
                late.settle();
                assert!(
                    late.outputs.out.frontier().time().is_none_or(|time| time.micros() <= frontier.max(0))
                );
            }
            while let Some(first) = windows.first_entry().filter(|first| first.key() + 10 <= frontier) {
                fired.push(first.remove());
            }
        }
        fired.extend(windows.into_values());
        late.inputs.rows.close();
        late.settle();
        assert_eq!(late.outputs.out.take(), fired, "seed {seed}");
        assert_eq!(late.outputs.late.take(), expected_late, "seed {seed}");
        late.finish().expect("nothing fails").assert_conserved();
    }
}

#[test]
fn the_frontier_of_an_output_never_goes_back() {
    let at = EventTime::from_micros;
    let (graph, inputs, mut outputs) = late::open();
    let mut run = pin!(graph.run());
    let mut most = None;
    for time in [20, 10, 15, 30, 5, 40] {
        now(inputs.rows.send_at(time, at(time))).expect("it runs");
        now(inputs.rows.advance_to(at(time))).expect("it runs");
        assert!(until_it_waits(run.as_mut()).is_pending());
        while until_it_waits(pin!(outputs.out.update())).is_ready() {}
        let reached = outputs.out.frontier().time().map(|time| time.micros());
        assert!(reached >= most, "{reached:?} after {most:?}");
        most = reached;
    }
    assert_eq!(most, Some(40));
}

graph! {
    graph passes(rows: Timed<i64>) -> (out: Timed<i64>) {
        rows -> map(|row| row) -> out;
    }
}

#[test]
fn a_promise_taken_back_is_not_told_behind_either() {
    let at = EventTime::from_micros;
    let mut passes = passes::harness();
    passes.inputs.rows.advance_to(at(20));
    passes.inputs.rows.advance_to(at(10));
    passes.settle();
    assert!(passes.outputs.out.take().is_empty());
    assert_eq!(passes.outputs.out.frontier().time(), Some(&at(20)));
}

graph! {
    graph counts_up(; to: u64) -> (out: u64) {
        rows = from_iter(0..to);
        rows -> map(|row| row) -> out;
    }
}

graph! {
    graph swallows(rows: u64; into: mpsc::Sender<u64>) -> () {
        rows -> map(|row| row + 1) -> to_channel(into);
    }
}

#[test]
fn a_graph_without_inputs_runs_to_its_end() {
    let mut counts = counts_up::harness(5);
    counts.settle();
    assert!(counts.is_ended());
    assert_eq!(counts.outputs.out.take(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_graph_without_inputs_is_a_source_of_another() {
    for batch in BATCHES {
        for to in [0, 1, 100] {
            let mut run = pin!(
                graph! {
                    a = counts_up(to);
                    b = from_iter(0..3);
                    a -> out;
                    [a, b] -> both;
                    out = collect();
                    both = collect();
                }
                .batch(batch)
                .run()
            );
            let Poll::Ready(result) = until_it_waits(run.as_mut()) else { panic!("it never ends") };
            let result = result.expect("nothing fails");
            assert_eq!(result.out, Vec::from_iter(0..to));
            assert_eq!(result.both.len() as u64, to + 3);
        }
    }
}

#[test]
fn a_graph_without_outputs_is_a_sink_of_another_and_holds_it_back() {
    let taken = Rc::new(Cell::new(0));
    let counted = Rc::clone(&taken);
    let (send, mut receive) = mpsc::channel(2);
    let mut run = pin!(
        graph! {
            rows = from_iter((0..100_u64).inspect(move |_| counted.set(counted.get() + 1)));
            sink = swallows(send);
            rows -> sink;
        }
        .batch(4)
        .run()
    );
    let mut received = 0;
    while until_it_waits(run.as_mut()).is_pending() {
        assert!(taken.get() <= received + 2 + 4, "{} taken, {received} received", taken.get());
        assert_eq!(receive.try_recv(), Ok(received + 1));
        received += 1;
    }
    received += std::iter::from_fn(|| receive.try_recv().ok()).count() as u64;
    assert_eq!(received, 100);
}

#[test]
fn a_graph_inside_whose_own_sink_is_wanted_still_goes_on() {
    for batch in BATCHES {
        let (send, mut receive) = mpsc::channel(1_000);
        let (gone, closed) = mpsc::channel(1);
        drop(closed);
        let mut run = pin!(
            graph! {
                rows = from_iter(0..500_u64);
                inner = tells(send);
                rows -> inner -> to_channel(gone);
            }
            .batch(batch)
            .run()
        );
        assert!(until_it_waits(run.as_mut()).is_ready());
        assert_eq!(std::iter::from_fn(|| receive.try_recv().ok()).count(), 500, "batch {batch}");
    }
}

graph! {
    graph tells(rows: u64; to: mpsc::Sender<u64>) -> (out: u64) {
        rows -> to_channel(to);
        rows -> out;
    }
}

#[test]
fn j1_a_source_in_a_graph_in_a_node_is_held_back_by_a_slow_sink_whatever_else_goes_on() {
    for batch in [1, 7, 64] {
        let (taken, seen) = (Rc::new(Cell::new(0)), Cell::new(0));
        let (send, _held) = mpsc::channel(3);
        let mut run = pin!(
            graph! {
                none = from_stream(futures::stream::pending::<u64>());
                busy = from_iter(0..10_000_u64);
                inner = counted(Rc::clone(&taken));
                none -> inner -> to_channel(send);
                busy -> for_each(|_| seen.set(seen.get() + 1));
            }
            .batch(batch)
            .run()
        );
        assert!(until_it_waits(run.as_mut()).is_pending());
        assert_eq!(seen.get(), 10_000);
        assert!(taken.get() <= 3 + batch as u64, "batch {batch}: {} rows were taken", taken.get());
    }
}

graph! {
    graph counted(rows: u64; taken: Rc<Cell<u64>>) -> (out: u64) {
        more = from_iter((0..).inspect(move |_| taken.set(taken.get() + 1)));
        [rows, more] -> out;
    }
}

graph! {
    graph eight(a: u8, b: u16, c: u32, d: u64, e: i8, f: i16, g: i32, h: i64)
        -> (p: u8, q: u16, r: u32, s: u64, t: i8, u: i16, v: i32, w: i64)
    {
        a -> inspect(|_| ()) -> p;
        b -> inspect(|_| ()) -> q;
        c -> inspect(|_| ()) -> r;
        d -> inspect(|_| ()) -> s;
        e -> inspect(|_| ()) -> t;
        f -> inspect(|_| ()) -> u;
        g -> inspect(|_| ()) -> v;
        h -> inspect(|_| ()) -> w;
    }
}

#[test]
fn eight_inputs_and_eight_outputs_are_kept_apart() {
    let mut eight = eight::harness();
    for n in 0..100_u8 {
        eight.inputs.a.send(n);
        eight.inputs.b.send(n.into());
        eight.inputs.c.send(n.into());
        eight.inputs.d.send(n.into());
        eight.inputs.e.send(n.cast_signed());
        eight.inputs.f.send(n.into());
        eight.inputs.g.send(n.into());
        eight.inputs.h.send(n.into());
    }
    eight.settle();
    assert_eq!(eight.outputs.p.take().len(), 100);
    assert_eq!(eight.outputs.q.take().last(), Some(&99));
    assert_eq!(eight.outputs.r.take().last(), Some(&99));
    assert_eq!(eight.outputs.s.take().last(), Some(&99));
    assert_eq!(eight.outputs.t.take().last(), Some(&99));
    assert_eq!(eight.outputs.u.take().last(), Some(&99));
    assert_eq!(eight.outputs.v.take().last(), Some(&99));
    assert_eq!(eight.outputs.w.take().len(), 100);
    eight.finish().expect("nothing fails").assert_conserved();
}

graph! {
    graph keyed<K, V>(rows: Timed<(K, V)>; length: TimeDelta, most: usize) -> (out: Timed<(K, Vec<V>)>, late: (K, V))
    where
        K: Clone + Eq + Hash + Debug + 'static,
        V: Clone + Debug + 'static,
    {
        panes = tumbling(length).fold(Vec::new, move |values: &mut Vec<V>, row: (K, V)| if values.len() < most { values.push(row.1) });
        rows -> key_by(|row: &(K, V)| row.0.clone()) -> panes -> map(|pane| (pane.key, pane.value.value)) -> out;
        panes.late -> map(|late| late.row.value) -> late;
    }
}

graph! {
    graph twice<K: Clone + Eq + Hash + Debug + 'static>(rows: Timed<(K, u64)>; most: usize) -> (out: Timed<(K, Vec<u64>)>) {
        inner = keyed::<K, u64>(10.micros(), most);
        rows -> inner -> out;
        inner.late -> discard;
    }
}

#[test]
fn a_generic_graph_with_parameters_is_what_its_nodes_are_also_in_a_graph_in_a_graph() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let rows: Vec<(String, u64, i64)> = (0..100)
            .map(|row| {
                (
                    format!("k{}", random.below(4)),
                    row,
                    i64::try_from(row).expect("small") / 2 + random.between(0, 4),
                )
            })
            .collect();
        let most = 1 + random.place(4);
        let time = |row: &(String, u64, i64)| EventTime::from_micros(row.2);
        let by_hand = |rows: Vec<(String, u64, i64)>| {
            let result = block_on(
                graph! {
                    rows = from_iter(rows);
                    panes = tumbling(10.micros()).fold(Vec::new, move |values: &mut Vec<u64>, row: (String, u64)| if values.len() < most { values.push(row.1) });
                    rows -> event_time(time, bounded(2.micros())) -> map(|(key, row, _)| (key, row))
                        -> key_by(|row: &(String, u64)| row.0.clone()) -> panes -> map(|pane| (pane.key, pane.value.value)) -> out;
                    panes.late -> discard;
                    out = collect();
                }
                .run(),
            );
            result.expect("nothing fails").out
        };
        for batch in BATCHES {
            let result = block_on(
                graph! {
                    rows = from_iter(rows.clone());
                    inner = twice::<String>(most);
                    rows -> event_time(time, bounded(2.micros())) -> map(|(key, row, _)| (key, row)) -> inner -> out;
                    out = collect();
                }
                .batch(batch)
                .run(),
            )
            .expect("nothing fails");
            assert_eq!(result.out, by_hand(rows.clone()), "seed {seed}, batch {batch}");
            result.assert_conserved();
        }
    }
}
