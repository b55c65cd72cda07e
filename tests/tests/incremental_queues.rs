//! What sessions, windows that fire early or late, and interval joins keep is saved incrementally, and what is to happen when is not saved: it
//! follows from that. The entries and bytes of a checkpoint follow what has changed, also of very many keys; and a graph that is stopped
//! where much is open, and where it fires between two slices of a checkpoint, goes on as one that was never stopped (rules H4, H6).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use serde::{Deserialize, Serialize};
use streamweave::checkpoint::Checkpoints;
use streamweave::envelope::{Message, Update};
use streamweave::operator::Collect;
use streamweave::operator::window::{period, rows as so_many};
use streamweave::prelude::*;
use streamweave::testing::simulation::{replayed_messages, transactions};
use streamweave::testing::{CrashTest, World};
use streamweave::time::Frontier;
use streamweave_tests::random::Random;
use streamweave_tests::{cuts, survives};
use tokio::sync::mpsc;

/// Whether it is for the left input of two, its key, and its time in seconds.
type Row = (bool, u64, i64);

/// More than are written in one slice.
const KEYS: u64 = 10_000;
/// How many rows come between two checkpoints.
const FEW: u64 = 50;
/// When everything has passed.
const FAR: i64 = 100_000;

/// A row of each key, a few at each time.
fn all(seconds: i64) -> Vec<Row> {
    (0..KEYS).map(|key| (key % 2 == 0, key, seconds + key as i64 * 7 % 11)).collect()
}

/// A row that lets everything fire, and what comes behind it: new keys in the places of old ones, and old ones again.
fn rest() -> Vec<Row> {
    let first = (true, 3, FAR);
    let more = (0..400).map(|row| (row % 2 > 0, KEYS - 50 + row * 7 % 97, FAR + 200 + row as i64 / 40));
    std::iter::once(first).chain(more).collect()
}

async fn until(counter: &AtomicU64, count: u64) {
    while counter.load(Ordering::SeqCst) < count {
        tokio::task::yield_now().await;
    }
}

/// Holds an operator that is fed with `timed` to it.
macro_rules! follows_the_change {
    ($($name:ident($diff:ty: $node:ident = $operator:expr, { $($arrows:tt)* });)*) => {$(
        #[test]
        fn $name() {
            let graph = |rows, counter: &Arc<AtomicU64>, out: Sender<String>, count: &Arc<AtomicU64>| {
                let (counter, count) = (Arc::clone(counter), Arc::clone(count));
                graph! {
                    #![durable]
                    rows = from_channel(rows);
                    rows -> inspect(move |_: &Row| _ = counter.fetch_add(1, Ordering::SeqCst))
                        -> event_time(|row: &Row| EventTime::from_secs(row.2), bounded(60.secs())) -> timed;
                    timed = inspect(|_| ());
                    $node = $operator;
                    $($arrows)*
                    $node -> map(|row| format!("{row:?}")) -> for_each_update(move |row: Update<String, EventTime, $diff>| {
                        count.fetch_add(1, Ordering::SeqCst);
                        out.send(format!("{} {} {:?}", row.time, row.data, row.diff)).expect("the test takes it");
                    });
                }
            };
            let few: Vec<Row> = (0..FEW).map(|row| (row % 3 > 0, row * 7, 30)).collect();
            let parts = [all(10), few, vec![(true, 77, 31)], all(30)];
            let world = World::new(1);
            let kept = || Checkpoints::in_storage(world.storage(), "simulated").on_demand();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let (out, whole) = channel();
            runtime.block_on(async {
                let (sender, rows) = mpsc::channel(4 * KEYS as usize);
                let sent = parts.iter().flatten().copied().chain(rest());
                sent.for_each(|row| sender.try_send(row).expect("there is room"));
                drop(sender);
                graph(rows, &Arc::default(), out, &Arc::default()).run().await.expect("it comes to its end");
            });
            let whole: Vec<String> = whole.iter().collect();

            let (out, before) = channel();
            let came = runtime.block_on(async {
                let (sender, rows) = mpsc::channel::<Row>(4 * KEYS as usize);
                let (counter, came) = (Arc::default(), Arc::default());
                let running = graph(rows, &counter, out, &came).checkpoints(kept()).spawn();
                let (mut sent, mut written) = (0, Vec::new());
                for part in &parts[..3] {
                    part.iter().for_each(|row| sender.try_send(*row).expect("there is room"));
                    sent += part.len() as u64;
                    until(&counter, sent).await;
                    running.explain().await.expect("it runs");
                    let published = running.checkpoint(None).await.expect("it is taken");
                    written.push((published.entries, published.bytes));
                }
                let [(_, first), (_, second), (_, third)] = written[..] else { panic!("there were three") };
                let entries: Vec<u64> = written.iter().map(|(entries, _)| *entries).collect();
                assert_eq!(entries, [KEYS, FEW, 1]);
                assert!(first > 20 * KEYS, "{first} bytes for all");
                assert!(second * 50 < first, "{second} bytes for a few, {first} for all");
                assert!(third < KEYS, "{third} bytes for one: less than one for each key");

                // All of it changes, and fires once it is frozen and before it is written.
                parts[3].iter().for_each(|row| sender.try_send(*row).expect("there is room"));
                until(&counter, sent + KEYS).await;
                running.explain().await.expect("it runs");
                let came_before = came.load(Ordering::SeqCst);
                let (fourth, ()) = futures::future::join(running.checkpoint(None), async {
                    sender.try_send(rest()[0]).expect("there is room");
                })
                .await;
                assert_eq!(fourth.expect("it is taken").entries, KEYS);
                running.explain().await.expect("it runs");
                drop(running);
                came_before as usize
            });
            assert!(before.iter().take(came).eq(whole[..came].iter().cloned()), "it came otherwise before");
            world.restart();

            let (out, after) = channel();
            let last = runtime.block_on(async {
                let (sender, rows) = mpsc::channel::<Row>(1_000);
                let (counter, came) = (Arc::default(), Arc::default());
                let running = graph(rows, &counter, out, &came).checkpoints(kept()).spawn();
                // Of what was restored nothing is written again.
                let published = running.checkpoint(None).await.expect("it is taken");
                rest().into_iter().for_each(|row| sender.try_send(row).expect("there is room"));
                drop(sender);
                running.await.expect("it goes on");
                published
            });
            assert_eq!(last.entries, 0);
            assert!(last.bytes < KEYS, "{last:?}");
            let after: Vec<String> = after.iter().collect();
            assert!(after.len() > 300, "{}", after.len());
            cuts::assert_same(&after, &whole[came..], "behind the restart");
        }
    )*};
}

follows_the_change! {
    of_sessions((): node = session(100.secs()).aggregate(Collect::new), {
        timed -> key_by(|row| row.1) -> node;
        node.late -> discard;
    });
    of_sessions_that_fire_early_and_take_late_rows(i64:
        node = session(100.secs()).early(period(1.hours()).first_of(so_many(3))).allowed_lateness(50.secs()).retracting()
            .aggregate(Count::new), {
        timed -> key_by(|row| row.1) -> node;
        node.late -> discard;
    });
    of_windows_that_fire_early((): node = sliding(90.secs(), 45.secs()).early(period(1.hours())).accumulating().aggregate(Collect::new), {
        timed -> key_by(|row| row.1) -> node;
        node.late -> discard;
    });
    of_windows_that_discard(
        (): node = tumbling(1.hours()).early(period(1.hours()).first_of(so_many(3))).allowed_lateness(1.hours())
            .late(period(1.hours())).discarding().aggregate(Count::new), {
        timed -> key_by(|row| row.1) -> node;
        node.late -> discard;
    });
    of_an_inner_interval_join((): node = interval_join((-100).secs(), 100.secs()), {
        timed -> filter(|row: &Row| row.0) -> key_by(|row| row.1) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(|row| row.1) -> node.right;
    });
    of_an_outer_interval_join((): node = interval_join(3.secs(), 100.secs()).full_outer(), {
        timed -> filter(|row: &Row| row.0) -> key_by(|row| row.1) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(|row| row.1) -> node.right;
    });
}

/// Rows of a few more keys than a slice has entries in a simulation, many of them at one time and some of them late, and how far they have come.
fn messages() -> Vec<Message<Row, EventTime>> {
    let (mut random, mut messages) = (Random::new(3), Vec::new());
    for step in 0..60_i64 {
        for _ in 0..random.between(0, 5) {
            let (time, key) = (step * 2 - random.between(0, 8) / 2 * 2, random.below(20));
            let time = EventTime::from_secs(if random.below(9) == 0 { time - 15 } else { time });
            messages.push(Message::Row(Update { data: (random.below(2) == 0, key, step), time, diff: () }));
        }
        if random.below(3) == 0 {
            messages.push(Message::Frontier(Frontier::at(EventTime::from_secs(step * 2 - 6))));
        }
    }
    messages
}

/// Holds an operator to it in a simulation: crashed at steps drawn from seeds, with slices of a few entries, it commits the same in the end.
macro_rules! survives_crashes {
    ($($name:ident($node:ident = $operator:expr, { $($arrows:tt)* });)*) => {$(
        #[test]
        fn $name() {
            let mut test = CrashTest::new(|world| {
                graph! {
                    #![durable = exactly_once]
                    timed = replayed_messages(world, messages());
                    $node = $operator;
                    $($arrows)*
                    out = transactions(world, "out");
                }
            });
            let survived = test.seeds(0..150);
            assert!(survived.crashes > survived.runs, "{survived:?}");
        }
    )*};
}

survives_crashes! {
    h6_sessions(node = session(7.secs()).aggregate(Collect::new), {
        timed -> key_by(|row| row.1) -> node -> map(|row| format!("{row:?}")) -> out;
        node.late -> discard;
    });
    h6_sessions_of_a_greatest_length(node = session(9.secs()).max_length(20.secs()).aggregate(Collect::new), {
        timed -> key_by(|row| row.1) -> node -> map(|row| format!("{row:?}")) -> out;
        node.late -> discard;
    });
    h6_sessions_that_change(node = session(5.secs()).early(so_many(2)).allowed_lateness(12.secs()).retracting().aggregate(Count::new), {
        timed -> key_by(|row| row.1) -> node -> to_log() -> map(|row| format!("{row:?}")) -> out;
        node.late -> discard;
    });
    h6_windows_that_fire_early(node = sliding(20.secs(), 8.secs()).early(so_many(3)).discarding().aggregate(Collect::new), {
        timed -> key_by(|row| row.1) -> node -> map(|row| format!("{row:?}")) -> out;
        node.late -> discard;
    });
    h6_windows_that_fire_late(
        node = tumbling(10.secs()).late(so_many(2)).allowed_lateness(15.secs()).retracting().aggregate(Collect::new), {
        timed -> key_by(|row| row.1) -> node -> to_log() -> map(|row| format!("{row:?}")) -> out;
        node.late -> discard;
    });
    h6_interval_joins(node = interval_join((-4).secs(), 6.secs()).full_outer(), {
        timed -> filter(|row: &Row| row.0) -> key_by(|row| row.1) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(|row| row.1) -> node.right;
        node -> map(|row| format!("{row:?}")) -> out;
    });
    h6_interval_joins_of_rows_without_partners(node = interval_join((-4).secs(), 6.secs()).anti(), {
        timed -> filter(|row: &Row| row.0) -> key_by(|row| row.1) -> node.left;
        timed -> filter(|row: &Row| !row.0) -> key_by(|row| row.1) -> node.right;
        node -> map(|row| format!("{row:?}")) -> out;
    });
}

/// Is due four microseconds behind a row, does not fire then but is due three later, and fires then; and once it has fired it is due
/// again, but for windows without rows nobody asks. It remembers how often it was asked, and lasts longer for that.
#[derive(Clone)]
struct Patient;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Asked {
    due: Option<ProcessingTime>,
    often: u32,
    last_row: Option<ProcessingTime>,
}

impl Trigger for Patient {
    type State = Asked;
    const USES_CLOCK: bool = true;

    fn on_row(&self, asked: &mut Asked, now: ProcessingTime) -> bool {
        asked.due.get_or_insert(now + 4.micros());
        asked.last_row = Some(now);
        false
    }

    fn due(&self, asked: &Asked) -> Option<ProcessingTime> {
        asked.due
    }

    fn on_clock(&self, asked: &mut Asked, now: ProcessingTime) -> bool {
        asked.often += 1;
        asked.due = Some(now + i64::from(3 + asked.often / 4).micros());
        asked.often % 2 == 0
    }

    fn fired(&self, asked: &mut Asked) {
        asked.due = asked.last_row.map(|last| last + 20.micros());
    }
}

/// Windows with alarms, over a few keys.
macro_rules! alarmed {
    ($($name:ident, $graph:ident: $diff:ty, $value:ty = $windows:expr;)*) => {$(
        graph! {
            graph $graph(rows: Timed<u64>) -> (out: Update<Keyed<u64, Pane<$value>>, EventTime, $diff>, late: Late<Keyed<u64, u64>>) {
                #![durable]
                panes = $windows;
                rows -> key_by(|row| *row % 5) -> panes -> out;
                panes.late -> late;
            }
        }
        survives!($name, 40, $graph::harness(), cuts::rows, [0 rows], [out, late]);
    )*};
}

alarmed! {
    h4_alarms_of_sessions, alarmed_sessions: i64, Vec<u64> =
        session(6.micros()).early(period(3.micros()).first_of(so_many(3))).allowed_lateness(9.micros()).retracting()
            .aggregate(Collect::new);
    h4_alarms_of_sessions_that_are_set_again, patient_sessions: i64, Vec<u64> =
        session(9.micros()).early(Patient).allowed_lateness(5.micros()).retracting().aggregate(Collect::new);
    h4_alarms_of_windows, alarmed_windows: i64, Vec<u64> =
        sliding(12.micros(), 5.micros()).early(period(3.micros())).late(period(4.micros()).first_of(so_many(2)))
            .allowed_lateness(9.micros()).retracting().aggregate(Collect::new);
    h4_alarms_of_windows_that_are_set_again, patient_windows: (), Vec<u64> =
        tumbling(15.micros()).early(Patient).late(Patient).allowed_lateness(12.micros()).discarding().aggregate(Collect::new);
}

#[test]
fn a_trigger_that_does_not_fire_when_it_is_due_is_asked_when_it_is_due_next() {
    macro_rules! fired {
        ($graph:ident) => {{
            let mut graph = $graph::harness();
            graph.inputs.rows.send_at(1, EventTime::from_micros(5));
            graph.settle();
            let fired = |by: i64| {
                graph.advance(by.micros());
                graph.settle();
                graph.outputs.out.take().len()
            };
            [4, 2, 1, 50].map(fired)
        }};
    }
    // Asked at 4 and at 7; behind that no row has come.
    assert_eq!(fired!(patient_sessions), [0, 0, 1, 0]);
    assert_eq!(fired!(patient_windows), [0, 0, 1, 0]);
}

graph! {
    graph apart(left: Timed<(u64, String)>, right: Timed<(u64, String)>) -> (out: Timed<String>) {
        #![durable]
        node = interval_join(0.micros(), 0.micros()).left_outer();
        left -> key_by(|row| row.0) -> node.left;
        right -> key_by(|row| row.0) -> node.right;
        node -> map(|row| row.value.0.1) -> out;
    }
}

/// Rows of several keys at one time come out as they did where the graph was not stopped, also where one of the keys has been looked at for
/// an earlier row meanwhile, or is not the one any more that had the place.
#[test]
fn rows_at_one_time_go_in_the_same_order_behind_a_restart() {
    let at = EventTime::from_micros;
    let rows = [
        (1, "first of 1", 5),
        (2, "first of 2", 5),
        (1, "earlier of 1", 3),
        (3, "of 3", 5),
        (2, "earlier of 2", 4),
        (4, "of 4", 4),
        (3, "earlier of 3", 3),
    ];
    let run = |stopped: Option<usize>| {
        let (mut graph, mut out) = (apart::harness(), Vec::new());
        for (number, (key, name, time)) in rows.into_iter().enumerate() {
            if stopped == Some(number) {
                let saved = graph.save();
                graph = apart::harness();
                graph.restore(&saved).expect("it is the same graph");
            }
            graph.inputs.left.send_at((key, name.to_owned()), at(time));
            graph.settle();
        }
        for time in [4, 5, 6] {
            graph.inputs.left.advance_to(at(time));
            graph.inputs.right.advance_to(at(time));
            graph.settle();
            out.extend(graph.outputs.out.take());
            if stopped == Some(rows.len()) {
                let saved = graph.save();
                graph = apart::harness();
                graph.restore(&saved).expect("it is the same graph");
            }
        }
        out
    };
    let whole = run(None);
    assert_eq!(whole[..4], ["earlier of 1", "earlier of 3", "earlier of 2", "of 4"]);
    for stopped in 0..=rows.len() {
        assert_eq!(run(Some(stopped)), whole, "stopped before row {stopped}");
    }
}
