//! Collections that are looked at from outside of their graph: snapshots, subscriptions, and `to_snapshot`.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use streamweave::differential::View;
use streamweave::differential::view::{Changes, ROOM, Snapshot, Subscription, Unclosed};
use streamweave::envelope::Nullable;
use streamweave::prelude::*;
use streamweave::time::Frontier;
use streamweave_tests::random::Random;
use streamweave_tests::until_it_waits;

type Row = Keyed<u32, u32>;
type Change = Update<Row, LogicalTime, i64>;
type Parts = View<u32, u32, LogicalTime>;

graph! {
    graph shown(rows: Update<Keyed<u32, u32>, LogicalTime, i64>; view: View<u32, u32, LogicalTime>) {
        rows -> differential::publish(view);
    }
}

fn change(key: u32, value: u32, time: u64, diff: i64) -> Change {
    Update { data: Keyed { key, value }, time: LogicalTime(time), diff }
}

/// So many of each.
type Collection = BTreeMap<(u32, u32), i64>;

fn of(snapshot: &Snapshot<u32, u32, LogicalTime>) -> Collection {
    snapshot.iter().map(|(key, value, count)| ((*key, *value), count)).collect()
}

/// What is put into a graph.
#[derive(Clone, Copy, Debug)]
enum Step {
    Change(Change),
    Advance(u64),
}

/// Rows that come and go, some of them out of order, some behind the frontier, which jumps now and then.
fn random_steps(random: &mut Random, times: u64) -> Vec<Step> {
    let (mut steps, mut there) = (Vec::new(), Collection::new());
    let mut time = 0;
    while time < times {
        for _ in 0..random.below(9) {
            let row = (random.below(12) as u32, random.below(3) as u32);
            let at = (time + random.below(3)).saturating_sub(random.below(2));
            let count = there.entry(row).or_default();
            // Of what is there at some time not more is taken back at any later one.
            let diff = if at == time && *count > 0 && random.percent(60) { -1 } else { random.between(1, 2) };
            if at <= time {
                *count += diff;
            }
            steps.push(Step::Change(change(row.0, row.1, at, diff)));
        }
        time += if random.percent(20) { 1 + random.below(5) } else { 1 };
        steps.push(Step::Advance(time));
    }
    steps
}

/// The changes, each with the time from which on it counts.
fn in_effect(steps: &[Step]) -> Vec<(u64, Row, i64)> {
    let mut frontier = 0;
    let mut changes = Vec::new();
    for step in steps {
        match step {
            Step::Change(change) => {
                changes.push((change.time.0.max(frontier), change.data, change.diff));
            }
            Step::Advance(time) => frontier = *time,
        }
    }
    changes
}

/// What the changes come to that a frontier closes.
fn oracle(changes: &[(u64, Row, i64)], frontier: &Frontier<LogicalTime>) -> Collection {
    let mut rows = Collection::new();
    for (_, row, diff) in changes.iter().filter(|change| frontier.closes(&LogicalTime(change.0))) {
        *rows.entry((row.key, row.value)).or_default() += diff;
    }
    rows.retain(|_, count| *count != 0);
    rows
}

/// A future that is ready now.
#[track_caller]
fn now<T>(future: impl Future<Output = T>) -> T {
    match until_it_waits(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn is_waiting<T>(future: impl Future<Output = T>) -> bool {
    until_it_waits(pin!(future)).is_pending()
}

fn rows(changes: &Changes<u32, u32, LogicalTime>) -> (u64, Vec<((u32, u32), i64)>) {
    let rows = changes.rows().map(|(key, value, diff)| ((*key, *value), diff));
    (changes.time.0, rows.collect())
}

#[test]
fn a_snapshot_is_the_collection_as_of_the_time_that_it_names() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let steps = random_steps(&mut random, 40);
        let changes = in_effect(&steps);
        let view = Parts::new();
        let mut graph = shown::harness(view.clone());
        let mut kept = Vec::new();
        for step in &steps {
            match *step {
                Step::Change(change) => graph.inputs.rows.update(change),
                Step::Advance(time) => {
                    graph.inputs.rows.advance_to(LogicalTime(time));
                    if random.percent(50) {
                        graph.settle();
                        assert_eq!(*view.snapshot().frontier(), Frontier::at(LogicalTime(time)));
                        kept.push(view.snapshot());
                    }
                }
            }
        }
        graph.finish().expect("nothing fails").assert_conserved();
        kept.push(view.snapshot());
        assert!(view.frontier().is_end());
        // Long after they were taken.
        for snapshot in kept {
            assert_eq!(of(&snapshot), oracle(&changes, snapshot.frontier()), "seed {seed}: {snapshot:?}");
        }
    }
}

#[test]
fn look_ups_by_key_and_by_range_agree_with_a_map() {
    for seed in 0..12 {
        let mut random = Random::new(seed);
        let keys = random.pick(&[3, 40, 3_000]);
        let view = Parts::new();
        let mut graph = shown::harness(view.clone());
        let mut map = Collection::new();
        for time in 0..30 {
            for _ in 0..random.below(if time % 10 == 0 { 900 } else { 20 }) {
                let (key, value) = (random.below(keys) as u32, random.below(2) as u32);
                let count = map.entry((key, value)).or_default();
                let diff = if *count > 0 && random.percent(55) { -*count } else { random.between(1, 3) };
                *count += diff;
                graph.inputs.rows.update(change(key, value, time, diff));
            }
            graph.inputs.rows.advance_to(LogicalTime(time + 1));
            graph.settle();
            map.retain(|_, count| *count != 0);

            let snapshot = view.snapshot();
            let mut there: Vec<u32> = map.keys().map(|row| row.0).collect();
            there.dedup();
            assert_eq!((snapshot.len(), snapshot.is_empty()), (there.len(), there.is_empty()), "seed {seed}");
            assert!(snapshot.iter().map(|row| (*row.0, *row.1)).eq(map.keys().copied()));
            for _ in 0..8 {
                let (one, other) = (random.below(keys + 1) as u32, random.below(keys + 1) as u32);
                let of_one: Vec<_> =
                    map.range((one, 0)..(one + 1, 0)).map(|(row, count)| (&row.1, *count)).collect();
                assert_eq!(snapshot.get(&one), of_one);
                assert_eq!(snapshot.contains_key(&one), !of_one.is_empty());
                let rows = |from, to| -> Vec<_> {
                    let rows = map.iter().filter(|(row, _)| from <= row.0 && row.0 < to);
                    rows.map(|(row, count)| (&row.0, &row.1, *count)).collect()
                };
                assert_eq!(Vec::from_iter(snapshot.range(one..other)), rows(one, other));
                assert_eq!(Vec::from_iter(snapshot.range(one..=other)), rows(one, other + 1));
                assert_eq!(Vec::from_iter(snapshot.range(one..)), rows(one, u32::MAX));
                assert_eq!(Vec::from_iter(snapshot.range(..other)), rows(0, other));
            }
        }
    }
}

#[test]
fn what_threads_read_while_the_graph_runs_is_the_collection_as_of_the_time_that_it_names() {
    for seed in 0..4 {
        let steps = random_steps(&mut Random::new(seed), 200);
        let (changes, seen) = (&in_effect(&steps), &AtomicU64::new(0));
        let view = Parts::new();
        std::thread::scope(|threads| {
            for _ in 0..2 {
                let view = view.clone();
                threads.spawn(move || {
                    let (mut last, mut collection) = (Frontier::start(), Collection::new());
                    while !last.is_end() {
                        let snapshot = view.snapshot();
                        if *snapshot.frontier() != last {
                            assert!(snapshot.frontier().is_beyond(&last), "{snapshot:?} came after {last:?}");
                            last = *snapshot.frontier();
                            collection = oracle(changes, &last);
                            seen.fetch_add(1, Ordering::Relaxed);
                        }
                        assert_eq!(of(&snapshot), collection, "seed {seed}: {snapshot:?}");
                    }
                });
            }
            let follower = view.clone();
            threads.spawn(move || {
                let (snapshot, mut following) = follower.subscribe();
                let mut collection = of(&snapshot);
                assert_eq!(collection, oracle(changes, snapshot.frontier()));
                block_on(async {
                    while let Some(at) = following.next().await {
                        add(&mut collection, &at);
                        assert_eq!(collection, oracle(changes, &Frontier::at(LogicalTime(at.time.0 + 1))));
                    }
                });
                assert!(following.frontier().is_end());
            });

            block_on(async {
                let (graph, inputs, _outputs) = shown::open(view);
                let running = graph.spawn();
                for step in steps {
                    match step {
                        Step::Change(change) => inputs.rows.update(change).await.expect("it runs"),
                        Step::Advance(time) => {
                            inputs.rows.advance_to(LogicalTime(time)).await.expect("it runs");
                            // They are to see something of what is in between.
                            while seen.load(Ordering::Relaxed) < time / 4 {
                                tokio::task::yield_now().await;
                            }
                        }
                    }
                }
                inputs.rows.close();
                running.await.expect("nothing fails");
            });
        });
    }
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn add(collection: &mut Collection, changes: &Changes<u32, u32, LogicalTime>) {
    for (key, value, diff) in changes.rows() {
        let count = collection.entry((*key, *value)).or_default();
        *count += diff;
        if *count == 0 {
            collection.remove(&(*key, *value));
        }
    }
}

/// A subscriber, and what it has received added to what it began with.
struct Follower {
    from: Frontier<LogicalTime>,
    collection: Collection,
    subscription: Subscription<u32, u32, LogicalTime>,
}

impl Follower {
    fn of(view: &Parts) -> Self {
        let (snapshot, subscription) = view.subscribe();
        assert_eq!(subscription.frontier(), *snapshot.frontier());
        Follower { from: *snapshot.frontier(), collection: of(&snapshot), subscription }
    }

    /// Compares after each time, and with how far it has come in between.
    fn follow(&mut self, changes: &[(u64, Row, i64)], at_most: u64) {
        for _ in 0..at_most {
            assert_eq!(self.collection, oracle(changes, &self.subscription.frontier()));
            let Some(at) = self.subscription.now() else { return };
            assert!(!self.from.closes(&at.time), "{at:?} was in the snapshot of {:?}", self.from);
            assert!(at.len() > 0 && at.rows().all(|row| row.2 != 0));
            add(&mut self.collection, &at);
            self.from = Frontier::at(LogicalTime(at.time.0 + 1));
            assert_eq!(self.collection, oracle(changes, &self.from));
        }
    }
}

#[test]
fn a_snapshot_and_the_changes_after_it_are_the_collection_at_every_time() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let steps = random_steps(&mut random, 60);
        let changes = in_effect(&steps);
        let view = Parts::new();
        let mut followers = vec![Follower::of(&view)];
        let mut graph = shown::harness(view.clone());
        for step in &steps {
            match *step {
                Step::Change(change) => graph.inputs.rows.update(change),
                Step::Advance(time) => {
                    graph.inputs.rows.advance_to(LogicalTime(time));
                    if random.percent(70) {
                        graph.settle();
                    }
                }
            }
            match random.below(12) {
                0 => followers.push(Follower::of(&view)),
                1 if followers.len() > 1 => drop(followers.swap_remove(random.place(followers.len()))),
                2 => {
                    let follower = random.place(followers.len());
                    followers[follower].follow(&changes, random.below(4));
                }
                _ => {}
            }
        }
        graph.finish().expect("nothing fails");
        followers.push(Follower::of(&view));
        for mut follower in followers {
            follower.follow(&changes, u64::MAX);
            assert!(follower.subscription.frontier().is_end());
            assert!(now(follower.subscription.next()).is_none());
        }
    }
}

graph! {
    graph with_nulls(rows: Update<Keyed<Nullable<u32>, u32>, LogicalTime, i64>; view: View<Nullable<u32>, u32, LogicalTime>) {
        rows -> differential::publish(view);
    }
}

#[test]
fn rows_of_a_null_key_are_rows_of_one_key() {
    let view = View::new();
    let (_, mut subscription) = view.subscribe();
    let mut graph = with_nulls::harness(view.clone());
    let (null, one) = (Nullable::NULL, Nullable::from(1));
    let rows = [
        (null, 7, 0, 1),
        (null, 8, 0, 2),
        (one, 7, 0, 1),
        (null, 7, 1, -1),
        (null, 8, 2, -2),
        (null, 9, 3, 1),
    ];
    for (key, value, time, diff) in rows {
        graph.inputs.rows.update(Update { data: Keyed { key, value }, time: LogicalTime(time), diff });
    }
    let expected: [(usize, &[(u32, i64)], usize); 4] =
        [(2, &[(7, 1), (8, 2)], 3), (2, &[(8, 2)], 2), (1, &[], 1), (2, &[(9, 1)], 2)];
    for (time, (keys, of_null, rows)) in (0..).zip(expected) {
        graph.inputs.rows.advance_to(LogicalTime(time + 1));
        graph.settle();
        let snapshot = view.snapshot();
        assert_eq!((snapshot.len(), snapshot.iter().count()), (keys, rows), "at {time}");
        assert!(
            snapshot.get(&null).into_iter().map(|(value, count)| (*value, count)).eq(of_null.iter().copied())
        );
        assert_eq!(snapshot.get(&one), [(&7, 1)]);
        assert_eq!(subscription.now().map(|at| at.time), Some(LogicalTime(time)));
    }
    graph.finish().expect("nothing fails");
}

#[test]
fn changes_come_time_by_time_and_what_cancels_out_does_not_come() {
    let view = Parts::new();
    let (_, mut subscription) = view.subscribe();
    let mut graph = shown::harness(view.clone());
    for row in
        [change(2, 0, 3, 1), change(1, 7, 0, 1), change(1, 7, 1, 1), change(1, 7, 1, -1), change(1, 7, 3, 2)]
    {
        graph.inputs.rows.update(row);
    }
    graph.inputs.rows.advance_to(LogicalTime(6));
    graph.settle();
    assert!(!is_waiting(view.closed(&LogicalTime(5))) && is_waiting(view.closed(&LogicalTime(6))));
    assert_eq!(subscription.frontier(), Frontier::at(LogicalTime(0)));
    assert_eq!(now(subscription.next()).as_ref().map(rows), Some((0, vec![((1, 7), 1)])));
    assert_eq!(subscription.frontier(), Frontier::at(LogicalTime(3)));
    let rest = now(subscription.closed(&LogicalTime(4)));
    assert_eq!(Vec::from_iter(rest.iter().map(rows)), [(3, vec![((1, 7), 2), ((2, 0), 1)])]);
    assert_eq!(subscription.frontier(), Frontier::at(LogicalTime(6)));
    assert!(is_waiting(subscription.next()) && is_waiting(subscription.closed(&LogicalTime(6))));
}

#[test]
fn j1_a_slow_subscriber_holds_the_graph_and_one_that_is_dropped_does_not() {
    for batch in [1_u64, 16] {
        let view = Parts::new();
        let (_, mut slow) = view.subscribe();
        let (_, dropped) = view.subscribe();
        let (graph, inputs, _outputs) = shown::open(view.clone());
        let mut run = pin!(graph.batch(batch as usize).run());
        let all = 6 * ROOM as u64;
        now(async {
            for time in 0..all {
                let _ = inputs.rows.update(change(time as u32, 0, time, 1)).await;
                let _ = inputs.rows.advance_to(LogicalTime(time + 1)).await;
            }
        });
        let room = ROOM as u64;
        assert!(until_it_waits(run.as_mut()).is_pending());
        let shown = view.snapshot().len() as u64;
        assert!((room..room + batch).contains(&shown), "{shown} times were shown in batches of {batch}");
        // The other one keeps it no less.
        for _ in 0..room {
            assert!(now(slow.next()).is_some());
        }
        assert!(until_it_waits(run.as_mut()).is_pending());
        assert_eq!(view.snapshot().len() as u64, shown);
        drop(dropped);
        assert!(until_it_waits(run.as_mut()).is_pending());
        let shown = view.snapshot().len() as u64;
        assert!(
            (2 * room..2 * room + batch).contains(&shown),
            "{shown} times were shown in batches of {batch}"
        );
        // One taken lets one more in.
        assert!(is_after(&mut slow, batch) && until_it_waits(run.as_mut()).is_pending());
        assert!(view.snapshot().len() as u64 > shown);

        drop(slow);
        inputs.rows.close();
        let Poll::Ready(ended) = until_it_waits(run.as_mut()) else { panic!("nobody holds it") };
        ended.expect("nothing fails").conserved().expect("the books balance");
        assert_eq!(view.snapshot().len() as u64, all);
    }
}

/// Whether a task was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn j1_a_graph_that_waits_is_woken_by_room_by_who_goes_and_by_the_last_who_goes() {
    let view = Parts::new();
    let (_, mut slow) = view.subscribe();
    let (_, other) = view.subscribe();
    let (graph, inputs, _outputs) = shown::open(view.clone());
    now(async {
        for time in 0..2 * ROOM as u64 {
            let _ = inputs.rows.update(change(time as u32, 0, time, 1)).await;
            let _ = inputs.rows.advance_to(LogicalTime(time + 1)).await;
        }
    });
    let mut run = pin!(graph.batch(1).run());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut waits = || {
        let mut is_over = false;
        while !is_over && woken.0.swap(false, Ordering::Relaxed) {
            is_over = run.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        }
        !is_over
    };
    woken.0.store(true, Ordering::Relaxed);
    assert!(waits() && view.snapshot().len() == ROOM);
    // Room for one of the two is none.
    assert!(slow.now().is_some() && waits() && view.snapshot().len() == ROOM);
    drop(other);
    assert!(waits() && view.snapshot().len() == ROOM + 1);
    assert!(slow.now().is_some() && waits() && view.snapshot().len() == ROOM + 2);
    while slow.now().is_some() {}
    assert!(waits() && view.snapshot().len() == 2 * ROOM);
    drop(slow);
    assert!(waits());
    drop(view);
    assert!(!waits(), "nobody is left");
}

/// Takes so many times.
fn is_after(subscription: &mut Subscription<u32, u32, LogicalTime>, times: u64) -> bool {
    (0..times).all(|_| now(subscription.next()).is_some())
}

#[test]
fn before_the_start_nothing_is_there_and_after_the_end_all_is() {
    let view = Parts::new();
    let snapshot = view.snapshot();
    assert!(snapshot.is_empty() && snapshot.iter().next().is_none() && !snapshot.contains_key(&1));
    assert_eq!(*snapshot.frontier(), Frontier::start());
    assert!(is_waiting(view.closed(&LogicalTime(0))));
    let mut graph = shown::harness(view.clone());
    graph.inputs.rows.update(change(1, 2, 3, 4));
    graph.finish().expect("nothing fails");
    drop(graph);
    assert_eq!(now(view.closed(&LogicalTime(u64::MAX))).expect("it has ended").get(&1), [(&2, 4)]);
    let (snapshot, mut subscription) = view.subscribe();
    assert!(snapshot.frontier().is_end() && snapshot.contains_key(&1));
    assert!(now(subscription.next()).is_none() && subscription.frontier().is_end());
}

graph! {
    graph fragile(rows: Update<Keyed<u32, u32>, LogicalTime, i64>; view: View<u32, u32, LogicalTime>) {
        rows -> inspect(|row: &Row| assert_ne!(row.key, 13, "of all keys")) -> differential::publish(view);
    }
}

#[test]
fn where_a_graph_fails_what_was_closed_before_stays_and_nothing_is_said_to_be_complete() {
    let view = Parts::new();
    let (_, mut subscription) = view.subscribe();
    let mut graph = fragile::harness(view.clone());
    graph.inputs.rows.update(change(1, 0, 0, 1));
    graph.inputs.rows.advance_to(LogicalTime(1));
    graph.settle();
    // Of a batch that fails nothing is shown (rule K1).
    graph.inputs.rows.update(change(2, 0, 1, 1));
    graph.inputs.rows.advance_to(LogicalTime(2));
    graph.inputs.rows.update(change(13, 0, 2, 1));
    let error = graph.try_settle().expect_err("a node panics");
    assert!(error.to_string().ends_with("; 1 rows of the batch were not written"), "{error}");
    for view in [view.clone(), view] {
        assert_eq!(*view.snapshot().frontier(), Frontier::at(LogicalTime(1)));
        assert_eq!(of(&view.snapshot()), Collection::from([((1, 0), 1)]));
        let unclosed = now(view.closed(&LogicalTime(1))).expect_err("it has failed");
        assert_eq!(unclosed, Unclosed { time: LogicalTime(1) });
        assert!(now(view.closed(&LogicalTime(0))).is_ok());
    }
    assert_eq!(now(subscription.next()).as_ref().map(rows), Some((0, vec![((1, 0), 1)])));
    assert!(now(subscription.next()).is_none());
    assert_eq!(subscription.frontier(), Frontier::at(LogicalTime(1)));
}

#[test]
fn a_graph_that_is_dropped_lets_those_go_who_wait() {
    let view = Parts::new();
    let (_, mut subscription) = view.subscribe();
    let graph = shown::harness(view.clone());
    let mut closed = pin!(view.closed(&LogicalTime(0)));
    let mut next = pin!(subscription.next());
    assert!(until_it_waits(closed.as_mut()).is_pending() && until_it_waits(next.as_mut()).is_pending());
    drop(graph);
    assert!(matches!(until_it_waits(closed), Poll::Ready(Err(Unclosed { time: LogicalTime(0) }))));
    assert!(matches!(until_it_waits(next), Poll::Ready(None)));
}

#[test]
fn g4_more_than_can_be_counted_ends_the_run_and_the_times_before_are_shown() {
    let view = Parts::new();
    let mut graph = shown::harness(view.clone());
    let (half, values) = (i64::MAX / 2 + 1, [(4, 0), (7, 1), (7, 2)]);
    for (key, time) in values {
        graph.inputs.rows.update(change(key, 0, time, half));
    }
    let Err(error) = graph.finish() else { panic!("there are too many") };
    let text = error.to_string();
    assert!(text.contains("`publish") && text.contains("more rows of key 7 than can be counted"), "{text}");
    assert_eq!(*view.snapshot().frontier(), Frontier::at(LogicalTime(2)));
    assert_eq!(of(&view.snapshot()), Collection::from([((4, 0), half), ((7, 0), half)]));
    assert_eq!(view.snapshot().len(), 2);
    assert!(now(view.closed(&LogicalTime(2))).is_err());
}

#[test]
fn a_view_of_two_graphs_is_refused_before_the_first_row() {
    let view = Parts::new();
    let mut first = shown::harness(view.clone());
    let (second, _inputs, _outputs) = shown::open(view.clone());
    let Err(error) = now(second.run()) else { panic!("it was given away") };
    let text = error.to_string();
    assert!(text.contains("this view was given to a graph before"), "{text}");
    // The first goes on.
    first.inputs.rows.update(change(1, 0, 0, 1));
    first.finish().expect("nothing fails");
    assert!(view.frontier().is_end() && view.snapshot().contains_key(&1));
}

#[test]
fn a_graph_that_nobody_looks_at_drains_and_one_that_is_looked_at_does_not() {
    let view = Parts::new();
    let (graph, inputs, _outputs) = shown::open(view.clone());
    let (_, subscription) = view.subscribe();
    let mut run = pin!(graph.run());
    now(inputs.rows.update(change(1, 0, 0, 1))).expect("it runs");
    assert!(until_it_waits(run.as_mut()).is_pending());
    drop(view);
    assert!(until_it_waits(run.as_mut()).is_pending());
    now(inputs.rows.update(change(2, 0, 0, 1))).expect("it runs");
    drop(subscription);
    let Poll::Ready(ended) = until_it_waits(run.as_mut()) else { panic!("nobody is left") };
    ended.expect("nothing fails");
}

graph! {
    graph as_of(rows: Update<u32, LogicalTime, i64>; at: LogicalTime) -> (out: u32) {
        rows -> differential::to_snapshot(at) -> out;
    }
}

#[test]
fn to_snapshot_is_the_collection_as_of_a_time_in_order_and_nothing_else() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let steps = random_steps(&mut random, 12);
        let at = LogicalTime(random.below(14));
        let mut graph = as_of::harness(at);
        let closes = Frontier::at(LogicalTime(at.0 + 1));
        let expected = oracle(&in_effect(&steps), &closes);
        let expected: Vec<u32> = expected
            .into_iter()
            .flat_map(|(row, count)| {
                std::iter::repeat_n(10 * row.0 + row.1, count.try_into().expect("not negative"))
            })
            .collect();
        let mut out = Vec::new();
        for step in steps {
            match step {
                Step::Change(Update { data, time, diff }) => {
                    graph.inputs.rows.update(Update { data: 10 * data.key + data.value, time, diff });
                }
                Step::Advance(time) => {
                    graph.inputs.rows.advance_to(LogicalTime(time));
                    graph.settle();
                    out.append(&mut graph.outputs.out.take());
                    assert_eq!(out.is_empty(), time <= at.0 || expected.is_empty(), "at {at:?}, now {time}");
                }
            }
        }
        graph.finish().expect("nothing fails").assert_conserved();
        out.append(&mut graph.outputs.out.take());
        assert_eq!(out, expected, "seed {seed}");
    }
}

#[test]
fn g5_to_snapshot_keeps_what_is_there_and_not_how_it_came_about() {
    let mut graph = as_of::harness(LogicalTime(1));
    for time in 0..20_000 {
        let diff = if time % 2 == 0 { 1 } else { -1 };
        graph.inputs.rows.update(Update { data: time / 2 % 7, time: LogicalTime(0), diff });
    }
    graph.inputs.rows.update(Update { data: 3, time: LogicalTime(1), diff: 2 });
    graph.finish().expect("nothing fails");
    assert_eq!(graph.outputs.out.take(), [3, 3]);
}

#[test]
fn g2_to_snapshot_of_less_than_nothing_ends_the_run() {
    let mut graph = as_of::harness(LogicalTime(1));
    for (row, time, diff) in [(5, 0, 1), (6, 1, -1), (6, 2, 1)] {
        graph.inputs.rows.update(Update { data: row, time: LogicalTime(time), diff });
    }
    let Err(error) = graph.finish() else { panic!("there is no such collection") };
    assert!(error.to_string().contains("more rows of key 6 were taken back than there were"), "{error}");
    assert!(graph.outputs.out.take().is_empty());
}
