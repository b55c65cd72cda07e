//! Supervision, rules K1 to K9: what is started again, how often, after which time, and what that costs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use streamweave::checkpoint::{LocalDirectory, Object, Storage};
use streamweave::envelope::Failed;
use streamweave::operator::element::Panic;
use streamweave::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Resume, Turn};
use streamweave::port::{OnlyOut, Port, Push};
use streamweave::prelude::*;
use streamweave::sink::on_error::{Bring, Of, Policy};
use streamweave::state::{Fields, Mismatch};
use streamweave::supervision::{
    Child, Directive, Failure, FailureKind, Failures, Loss, Lost, Restarts, Strategy as Restarted, Supervisor,
};
use streamweave::time::{Clock, Frontier, ManualClock};
use streamweave::{Error, jsonl, lines, testing};
use tokio::sync::mpsc;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A directory that is removed after the test.
struct Temporary(PathBuf);

impl Temporary {
    fn named(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("streamweave-supervision-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Temporary(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap_or_default()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A clock that goes on by a millisecond whenever it is looked at, and keeps nobody waiting.
#[derive(Default)]
struct Ticking(i64);

impl Clock for Ticking {
    fn now(&mut self) -> ProcessingTime {
        self.0 += 1_000;
        ProcessingTime::from_micros(self.0)
    }

    fn poll_until(&mut self, at: ProcessingTime, _context: &mut Context<'_>) -> Poll<()> {
        self.0 = self.0.max(at.micros());
        Poll::Ready(())
    }
}

/// What a graph under a supervisor was made of and came to.
type Seen<T> = Arc<Mutex<Vec<T>>>;

fn seen<T>() -> Seen<T> {
    Arc::default()
}

fn note<T>(seen: &Seen<T>, what: T) {
    seen.lock().expect("nobody panics with it").push(what);
}

fn taken<T>(seen: &Seen<T>) -> Vec<T> {
    std::mem::take(&mut seen.lock().expect("nobody panics with it"))
}

/// A supervisor by a clock that stands still, and whose restarts do not wait.
fn root() -> Supervisor {
    let restarts = Restarts::at_most(5).backoff(TimeDelta::ZERO);
    Supervisor::new("root").clock(ManualClock::new()).restarts(restarts)
}

/// A graph that notes its start, and panics as long as `fails` says so; else it comes to its end.
fn flaky(
    name: &'static str,
    starts: &Seen<&'static str>,
    mut fails: impl FnMut() -> bool + Send + 'static,
) -> Child {
    let starts = Arc::clone(starts);
    Child::new(name, move || {
        note(&starts, name);
        let fails = fails();
        graph! {
            rows = from_iter(0..3_u64);
            culprit = map(move |row| if fails { panic!("on purpose") } else { row });
            rows -> culprit -> discard;
        }
    })
}

/// Fails at every start but the last of so many.
fn times(times: u32) -> impl FnMut() -> bool + Send + 'static {
    let mut left = times;
    move || {
        left = left.saturating_sub(1);
        left > 0
    }
}

/// A graph that waits for rows of a channel until it is closed, and notes its start.
fn waiting(name: &'static str, starts: &Seen<&'static str>, senders: &Seen<mpsc::Sender<u64>>) -> Child {
    let (starts, senders) = (Arc::clone(starts), Arc::clone(senders));
    Child::new(name, move || {
        note(&starts, name);
        let (send, rows) = mpsc::channel(4);
        note(&senders, send);
        graph! {
            rows = from_channel(rows);
            rows -> discard;
        }
    })
}

/// Lets every task go on until none has anything to do.
async fn settled() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn all(failures: &mut Failures) -> Vec<Failure> {
    std::iter::from_fn(|| failures.now()).collect()
}

fn micros(delta: TimeDelta) -> i64 {
    delta.micros()
}

/// Spoils its state before it panics.
#[derive(Default, State)]
struct Spoiled {
    #[state]
    sum: u64,
    outages: Arc<AtomicU32>,
}

#[node]
impl Spoiled {
    fn on_rows(&mut self, row: u64, out: &mut Out<u64>) {
        if row % 10 == 7 && self.outages.load(Ordering::Relaxed) > 0 {
            self.outages.fetch_sub(1, Ordering::Relaxed);
            self.sum = 1_000_000;
            panic!("spoiled");
        }
        self.sum += row;
        out.send(self.sum);
    }
}

#[test]
fn k2_state_of_a_panicked_node_is_restored_from_the_checkpoint_and_never_used_again() {
    for batch in [1, 4, 64] {
        let directory = Temporary::named(&format!("k2-{batch}"));
        let outages = Arc::new(AtomicU32::new(3));
        let (state, out) = (directory.at("state"), directory.at("out"));
        let make = move || {
            let outages = Arc::clone(&outages);
            graph! {
                #![durable = exactly_once]
                rows = from_iter(0..100_u64);
                spoiled = Spoiled(Spoiled { sum: 0, outages });
                rows -> spoiled.rows;
                spoiled -> sums;
                sums = lines::write(out.clone());
            }
            .batch(batch)
            .clock(Ticking::default())
            .checkpoints(Checkpoints::in_directory(&state).every(5.millis()).in_place())
        };
        let mut supervisor =
            Supervisor::new("root").clock(Ticking::default()).child(Child::new("sums", make));
        let mut failures = supervisor.failures();
        block_on(supervisor.run()).expect("it comes to its end");
        let failures = all(&mut failures);
        assert_eq!(failures.iter().map(|failure| failure.attempt).collect::<Vec<_>>(), [1, 2, 3]);
        for failure in &failures {
            assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Panic, Some("spoiled")));
            assert_eq!((failure.directive, &failure.losses), (Directive::Restart, &Vec::new()));
        }
        let sums: String = (0..100_u64).map(|row| format!("{}\n", row * (row + 1) / 2)).collect();
        assert_eq!(directory.text("out"), sums, "batch {batch}");
    }
}

/// Says when it is made and when it is gone.
struct Alive(Arc<AtomicU32>);

impl Alive {
    fn of(alive: &Arc<AtomicU32>) -> Self {
        assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0, "the one before is gone");
        Alive(Arc::clone(alive))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn k2_there_is_one_task_of_a_child_at_most() {
    let (alive, kept) = (Arc::new(AtomicU32::new(0)), seen());
    let of = Arc::clone(&alive);
    let senders = Arc::clone(&kept);
    let sibling = Child::new("sibling", move || {
        let one = Alive::of(&of);
        let (send, rows) = mpsc::channel::<u64>(1);
        note(&senders, send);
        graph! {
            rows = from_channel(rows);
            rows -> for_each(move |_| { let _ = &one; });
        }
    });
    let starts = seen();
    let supervisor =
        root().strategy(Restarted::OneForAll).child(sibling).child(flaky("flaky", &starts, times(4)));
    block_on(async {
        let running = supervisor.spawn();
        settled().await;
        assert_eq!(taken(&starts), ["flaky"; 4]);
        assert_eq!(alive.load(Ordering::SeqCst), 1);
        let senders: Vec<mpsc::Sender<u64>> = taken(&kept);
        assert_eq!(senders.len(), 4);
        drop(senders);
        running.await.expect("both come to their end");
    });
}

#[test]
fn k3_each_restart_waits_longer_by_the_clock_and_the_next_failure_escalates() {
    block_on(async {
        let (clock, starts) = (ManualClock::new(), seen());
        let mut supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .restarts(
                Restarts::at_most(3).within(1.hours()).backoff(1.secs()).factor(3).wait_at_most(5.secs()),
            )
            .child(flaky("flaky", &starts, || true));
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        for (attempt, wait) in [(1, 1.secs()), (2, 3.secs()), (3, 5.secs())] {
            settled().await;
            assert_eq!(taken(&starts), ["flaky"]);
            let failure = failures.now().expect("it failed");
            assert_eq!((failure.attempt, failure.directive), (attempt, Directive::Restart));
            let at = failure.restart_at.expect("it is started again");
            assert_eq!(at.since(failure.at), wait);
            clock.advance(wait + -1.micros());
            settled().await;
            assert!(taken(&starts).is_empty(), "not a microsecond before its time");
            clock.advance(1.micros());
        }
        let failure = running.await.expect_err("its budget is spent");
        assert_eq!((failure.attempt, failure.directive), (4, Directive::Escalate));
        assert_eq!((failure.child.as_str(), failure.node.as_deref()), ("root/flaky", Some("culprit")));
        assert!(matches!(&*failure.error, Error::Panicked(report) if report.message == "on purpose"));
    });
}

/// A graph that fails at the first row which comes, and notes the way to send it one.
fn mine(senders: &Seen<mpsc::Sender<u64>>) -> Child {
    let senders = Arc::clone(senders);
    Child::new("mine", move || {
        let (send, rows) = mpsc::channel(4);
        note(&senders, send);
        graph! {
            rows = from_channel(rows);
            culprit = map(|row: u64| -> u64 { panic!("a mine: {row}") });
            rows -> culprit -> discard;
        }
    })
}

#[test]
fn k3_a_start_that_works_gives_no_budget_back_and_a_life_of_the_window_does() {
    for (lives, ends) in [(0.secs(), true), (9.secs(), true), (10.secs(), false)] {
        block_on(async {
            let (clock, senders) = (ManualClock::new(), seen());
            let supervisor = Supervisor::new("root")
                .clock(clock.clone())
                .restarts(Restarts::at_most(1).within(10.secs()).backoff(100.secs()).then_stop())
                .child(mine(&senders));
            let mut running = supervisor.spawn();
            for _ in 0..5 {
                settled().await;
                let Some(sender) = taken(&senders).pop() else { break };
                clock.advance(lives);
                sender.send(1).await.expect("it takes a row");
                settled().await;
                clock.advance(100.secs());
            }
            settled().await;
            let ended = futures::future::poll_immediate(&mut running).await;
            assert_eq!(
                ended.is_some(),
                ends,
                "it lives for {} s between failures",
                micros(lives) / 1_000_000
            );
        });
    }
}

#[test]
fn k3_jitter_is_drawn_from_the_seed_and_differs_between_children() {
    let run = |seed| {
        let starts = seen();
        let mut supervisor = Supervisor::new("root")
            .clock(Ticking::default())
            .restarts(Restarts::at_most(3).backoff(10.secs()).jitter(seed))
            .child(flaky("a", &starts, times(3)))
            .child(flaky("b", &starts, times(3)));
        let mut failures = supervisor.failures();
        block_on(supervisor.run()).expect("both end");
        let waits = all(&mut failures);
        let waits = waits.iter().map(|failure| failure.restart_at.expect("restarted").since(failure.at));
        waits.collect::<Vec<_>>()
    };
    let waits = run(7);
    assert_eq!(waits.len(), 4);
    assert_eq!(waits, run(7), "K10: the same seed, the same run");
    assert_ne!(waits, run(8));
    assert_ne!(waits[0], waits[1]);
    assert!(waits.iter().all(|wait| (5.secs()..=20.secs()).contains(wait)));
}

#[test]
fn k3_who_is_started_again_is_a_matter_of_the_strategy() {
    let again = |strategy, directive| {
        block_on(async {
            let (starts, senders) = (seen(), seen());
            let supervisor = root()
                .strategy(strategy)
                .on_node("culprit", directive)
                .child(waiting("first", &starts, &senders))
                .child(flaky("second", &starts, times(2)))
                .child(waiting("third", &starts, &senders));
            let running = supervisor.spawn();
            settled().await;
            let starts = taken(&starts);
            taken(&senders);
            running.await.expect("all come to their end");
            starts
        })
    };
    let all = ["first", "second", "third"];
    let then = |more: &[&'static str]| [&all, more].concat();
    assert_eq!(again(Restarted::OneForOne, Directive::Restart), then(&["second"]));
    assert_eq!(again(Restarted::RestForOne, Directive::Restart), then(&["second", "third"]));
    assert_eq!(again(Restarted::OneForAll, Directive::Restart), then(&all));
    assert_eq!(again(Restarted::OneForOne, Directive::RestartGroup), then(&all));
    assert_eq!(again(Restarted::OneForAll, Directive::Stop), all);
}

#[test]
fn k3_a_supervisor_that_fails_is_started_again_with_all_its_children_by_the_one_above() {
    block_on(async {
        let (starts, senders) = (seen(), seen());
        let inner = Supervisor::new("inner")
            .restarts(Restarts::at_most(1).backoff(TimeDelta::ZERO))
            .child(waiting("beside", &starts, &senders))
            .child(flaky("flaky", &starts, times(4)));
        let mut supervisor = root().child(waiting("outer", &starts, &senders)).child(inner);
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        settled().await;
        let told: Vec<_> = all(&mut failures)
            .into_iter()
            .map(|failure| (failure.child, failure.attempt, failure.directive))
            .collect();
        let flaky = "root/inner/flaky".to_owned();
        assert_eq!(
            told,
            [
                (flaky.clone(), 1, Directive::Restart),
                (flaky.clone(), 2, Directive::Escalate),
                ("root/inner".to_owned(), 1, Directive::Restart),
                // Its budget is new, as all else.
                (flaky, 1, Directive::Restart),
            ]
        );
        assert_eq!(taken(&starts), ["outer", "beside", "flaky", "flaky", "beside", "flaky", "flaky"]);
        drop(taken(&senders));
        running.await.expect("all come to their end");
    });
}

#[test]
fn k3_what_escalates_past_the_root_ends_the_tree_and_halts_the_others() {
    block_on(async {
        let (starts, senders) = (seen(), seen());
        let supervisor = root()
            .child(waiting("beside", &starts, &senders))
            .child(flaky("flaky", &starts, || true).on_node("culprit", Directive::Escalate));
        let failure = supervisor.run().await.expect_err("it escalates");
        assert_eq!((failure.child.as_str(), failure.directive), ("root/flaky", Directive::Escalate));
        assert!(taken(&senders).iter().all(mpsc::Sender::is_closed), "the graph beside is gone");
        assert_eq!(
            failure.to_string(),
            "`root/flaky` failed (failure 1 in its window): ".to_owned() + &failure.error.to_string()
        );
    });
}

#[test]
fn k1_siblings_of_a_child_that_fails_go_on_as_if_nothing_were() {
    block_on(async {
        let (starts, senders, results) = (seen(), seen(), seen());
        let (made, rows, taken_rows) = (Arc::clone(&starts), Arc::clone(&senders), Arc::clone(&results));
        let sibling = Child::yielding(
            "sibling",
            move || {
                note(&made, "sibling");
                let (send, receive) = mpsc::channel::<u64>(4);
                note(&rows, send);
                graph! {
                    rows = from_channel(receive);
                    rows -> running_sum() -> sums;
                    sums = collect();
                }
            },
            move |result| note(&taken_rows, result.sums),
        );
        let supervisor = Supervisor::new("root")
            .clock(Ticking::default())
            .restarts(Restarts::at_most(100))
            .child(sibling)
            .child(flaky("flaky", &starts, times(50)));
        let running = supervisor.spawn();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let sender = taken(&senders).pop().expect("it has started");
        for row in 1..=20_u64 {
            sender.send(row).await.expect("it lives");
        }
        drop(sender);
        running.await.expect("both come to their end");
        assert_eq!(taken(&results), [Vec::from_iter((1..=20).map(|row| row * (row + 1) / 2))]);
        assert_eq!(taken(&starts).iter().filter(|name| **name == "sibling").count(), 1);
    });
}

#[test]
fn k4_a_source_that_cannot_be_read_is_started_again_until_it_can() {
    let directory = Temporary::named("k4-source");
    let (path, results) = (directory.at("in"), seen());
    let (there, rows) = (path.clone(), Arc::clone(&results));
    let reader = Child::yielding(
        "reader",
        move || {
            graph! {
                #![on_error = stop]
                rows = lines::read(there.clone());
                rows -> all;
                all = collect();
            }
        },
        move |result| note(&rows, result.all),
    );
    let mut attempts = 0;
    let supervisor = Supervisor::new("root")
        .clock(Ticking::default())
        .on_failure(move |failure| {
            assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Source, Some("rows")));
            assert_eq!(failure.directive, Directive::Restart, "what is done otherwise");
            attempts += 1;
            if attempts == 3 {
                std::fs::write(&path, "a\nb\n").expect("it can be written");
            }
            failure.directive
        })
        .child(reader);
    block_on(supervisor.run()).expect("at last it is there");
    assert_eq!(taken(&results), [["a", "b"]]);
}

#[test]
fn k4_a_sink_that_cannot_be_written_is_named_and_its_policy_holds() {
    let directory = Temporary::named("k4-sink");
    let path = directory.at("not/there");
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let writer = Child::new("writer", move || {
        count.fetch_add(1, Ordering::Relaxed);
        graph! {
            rows = from_iter(0..3_u64);
            rows -> text;
            text = lines::write(path.clone());
        }
    });
    let mut supervisor =
        Supervisor::new("root").clock(Ticking::default()).child(writer.on_node("text", Directive::Stop));
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("a child that was stopped is no failure of the tree");
    let failure = failures.now().expect("it is told");
    assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Sink, Some("text")));
    assert_eq!((failure.directive, failure.restart_at), (Directive::Stop, None));
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn k4_a_graph_that_is_wrong_is_not_started_again() {
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let wrong = Child::new("wrong", move || {
        count.fetch_add(1, Ordering::Relaxed);
        graph! {
            rows = from_iter(0..3_u64);
            called = async_map(|row| async move { row }).in_flight(0);
            rows -> called -> discard;
        }
    });
    let failure = block_on(Supervisor::new("root").child(wrong).run()).expect_err("it is wrong");
    assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Invalid, Some("called")));
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn k4_a_function_that_panics_instead_of_making_a_graph_is_a_failure_too() {
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let child = Child::new("child", move || {
        assert!(count.fetch_add(1, Ordering::Relaxed) > 1, "no connection");
        graph! {
            rows = from_iter(0..3_u64);
            rows -> discard;
        }
    });
    let mut supervisor = Supervisor::new("root").clock(Ticking::default()).child(child);
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("the third works");
    let kinds: Vec<_> =
        all(&mut failures).iter().map(|failure| (failure.kind, failure.node.clone())).collect();
    assert_eq!(kinds, [(FailureKind::Panic, None), (FailureKind::Panic, None)]);
}

/// Panics once, at a row.
fn once_at(at: u64, panicked: &Arc<AtomicBool>) -> impl FnMut(u64) -> u64 + Send + use<> {
    let panicked = Arc::clone(panicked);
    move |row| {
        assert!(row != at || panicked.swap(true, Ordering::Relaxed), "once");
        row
    }
}

/// Gives each row once: whoever asks again is given the next.
struct GivenOnce {
    next: Arc<AtomicU64>,
    end: u64,
}

fn given_once(next: &Arc<AtomicU64>, end: u64) -> Node<GivenOnce, OnlyOut<u64, (), ()>> {
    Node::new(GivenOnce { next: Arc::clone(next), end }, OnlyOut::new())
}

impl Operator for GivenOnce {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {}
}

impl<S: Push<u64, (), ()>> Resume<(Port<S>,)> for GivenOnce {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        for _ in 0..cx.budget() {
            let row = self.next.fetch_add(1, Ordering::Relaxed);
            if row >= self.end {
                out.advance(Frontier::end());
                return Progress::Ended;
            }
            out.push(row.into());
        }
        Progress::More
    }
}

impl Durable for GivenOnce {
    fn fields(&mut self, _fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        Ok(())
    }
}

/// What runs of a graph came to that took rows of one channel.
struct Counted {
    sum: Option<u64>,
    failure: Failure,
}

/// Sums what comes through a channel that outlives the graph, whose node `culprit` panics at row `at`.
fn through_a_channel(at: u64, rows: u64, batch: usize, is_durable: bool) -> Counted {
    let directory = Temporary::named(&format!("k5-{at}-{rows}-{batch}-{is_durable}"));
    let state = directory.at("state");
    let (panicked, sums) = (Arc::new(AtomicBool::new(false)), seen());
    let left = Arc::new(AtomicU64::new(0));
    let totals = Arc::clone(&sums);
    let child = if is_durable {
        let make = move || {
            let culprit = once_at(at, &panicked);
            graph! {
                #![durable]
                rows = given_once(&left, rows);
                culprit = map(culprit);
                rows -> culprit -> running_count() -> total;
                total = last();
            }
            .batch(batch)
            .clock(Ticking::default())
            .checkpoints(Checkpoints::in_directory(&state).every(3.millis()).in_place())
        };
        Child::yielding("counts", make, move |result| note(&totals, result.total))
    } else {
        let make = move || {
            let culprit = once_at(at, &panicked);
            graph! {
                rows = given_once(&left, rows);
                culprit = map(culprit);
                rows -> culprit -> running_count() -> total;
                total = last();
            }
            .batch(batch)
        };
        Child::yielding("counts", make, move |result| note(&totals, result.total))
    };
    let mut supervisor = Supervisor::new("root").clock(Ticking::default()).child(child);
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("it comes to its end");
    let sum = taken(&sums).pop().expect("it has ended");
    Counted { sum, failure: failures.now().expect("it panicked once") }
}

#[test]
fn k5_a_restart_loses_what_it_reports_and_no_more() {
    for batch in [1, 8] {
        for at in [0, 13, 39] {
            let Counted { sum, failure } = through_a_channel(at, 40, batch, true);
            let [Loss { child, lost: Lost::Rows { source: "rows", rows }, .. }] = &failure.losses[..] else {
                panic!("expected rows of one source, found {:?}", failure.losses)
            };
            assert_eq!(child, "root/counts");
            let lost = 40 - sum.unwrap_or(0);
            let about = format!("batch {batch}, panic at {at}: {lost} lost, {rows} and the batch reported");
            assert!((*rows..=rows + batch as u64).contains(&lost), "{about}");
            assert!(*rows <= at, "{about}");

            let Counted { sum, failure } = through_a_channel(at, 40, batch, false);
            let whole = at / batch as u64 * batch as u64;
            let lost = Lost::Everything { taken: vec![("rows", whole)] };
            assert_eq!(failure.losses.iter().map(|loss| &loss.lost).collect::<Vec<_>>(), [&lost]);
            // The rows that came before, and those of the batch, are gone.
            assert!((whole + 1..=whole + batch as u64).contains(&(40 - sum.unwrap_or(0))), "{about}");
        }
    }
}

#[test]
fn k5_what_siblings_lose_that_are_started_again_with_it_is_told_too() {
    block_on(async {
        let (starts, senders) = (seen(), seen());
        let mut supervisor = root()
            .strategy(Restarted::OneForAll)
            .child(waiting("beside", &starts, &senders))
            .child(mine(&senders));
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        settled().await;
        let [beside, mine] = &taken(&senders)[..] else { panic!("both have started") };
        beside.send(1).await.expect("it lives");
        beside.send(2).await.expect("it lives");
        settled().await;
        mine.send(1).await.expect("it lives");
        let failure = failures.recv().await.expect("it failed");
        let lost = |child: &str, rows| (child.to_owned(), Lost::Everything { taken: vec![("rows", rows)] });
        let losses: Vec<_> = failure.losses.into_iter().map(|loss| (loss.child, loss.lost)).collect();
        assert_eq!(losses, [lost("root/beside", 2), lost("root/mine", 0)]);
        settled().await;
        drop(taken(&senders));
        running.await.expect("all come to their end");
    });
}

#[test]
fn a_graph_that_cannot_bring_out_what_it_has_is_aborted_once_its_time_is_over() {
    block_on(async {
        let (starts, senders, clock) = (seen(), seen(), ManualClock::new());
        let (send, mut out) = mpsc::channel(1);
        let made = Arc::clone(&starts);
        let stuck = Child::new("stuck", move || {
            note(&made, "stuck");
            let send = send.clone();
            graph! {
                rows = from_iter(0..10_u64);
                rows -> to_channel(send);
            }
        });
        let mut supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .halt_within(5.secs())
            .on_node("culprit", Directive::RestartGroup)
            .restarts(Restarts::at_most(1).backoff(TimeDelta::ZERO))
            .child(stuck)
            .child(mine(&senders));
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        settled().await;
        taken(&senders).pop().expect("it lives").send(1).await.expect("it takes a row");
        settled().await;
        clock.advance(5.secs() + -1.micros());
        settled().await;
        assert!(failures.now().is_none(), "nothing is started before all are at rest");
        assert_eq!(taken(&starts), ["stuck"]);
        clock.advance(1.micros());
        settled().await;
        assert_eq!(failures.now().expect("now it is told").losses.len(), 2);
        assert_eq!(taken(&starts), ["stuck"]);
        drop(running);
        assert_eq!(out.recv().await, Some(0));
    });
}

#[test]
fn a_tree_that_drains_lets_every_graph_end_and_starts_none_again() {
    block_on(async {
        let (starts, senders, clock) = (seen(), seen(), ManualClock::new());
        let supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .child(waiting("a", &starts, &senders))
            .child(Supervisor::new("inner").child(waiting("b", &starts, &senders)));
        let mut running = supervisor.spawn();
        settled().await;
        running.drain();
        running.await.expect("both end");
        assert_eq!(taken(&starts), ["a", "b"]);

        let supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .child(flaky("down", &starts, || true))
            .child(waiting("up", &starts, &senders));
        let mut running = supervisor.spawn();
        settled().await;
        running.drain();
        let failure = running.await.expect_err("one was down, and stays so");
        assert_eq!(failure.child, "root/down");
        assert_eq!(taken(&starts), ["down", "up"]);
    });
}

#[test]
fn failures_are_a_stream_and_so_a_source() {
    let starts = seen();
    let mut supervisor =
        Supervisor::new("root").clock(Ticking::default()).child(flaky("flaky", &starts, times(3)));
    let failures = supervisor.failures();
    let watch = graph! {
        failures = from_stream(failures);
        failures -> map(|failure: Failure| failure.attempt) -> attempts;
        attempts = collect();
    };
    let (outcome, watched) = block_on(async { futures::future::join(supervisor.run(), watch.run()).await });
    outcome.expect("it comes to its end");
    assert_eq!(watched.expect("nothing fails").attempts, [1, 2]);
}

#[node]
fn by_value(row: u64) -> u64 {
    assert!(row % 5 != 3, "a bad row");
    row
}

#[node]
fn by_reference(row: &u64) -> Option<u64> {
    assert!(row % 5 != 3, "a bad row");
    (row % 2 == 0).then_some(*row)
}

#[node]
fn many(row: u64) -> impl Iterator<Item = u64> {
    (0..3).map(move |item| {
        assert!(row % 5 != 3 || item < 2, "a bad row");
        row
    })
}

#[node]
fn many_by_reference(row: &u64) -> impl Iterator<Item = u64> {
    let row = *row;
    many::call(row)
}

#[node]
fn fallible(row: &u64) -> Result<u64, String> {
    assert!(row % 5 != 3, "a bad row");
    if row % 2 == 0 { Ok(*row) } else { Err("odd".to_owned()) }
}

/// A row that is set aside, as text.
fn aside<I: std::fmt::Debug>(of: &Of<Failed<I, Panic>>) -> String {
    format!("{} {} {:?}", of.node, of.row.error, of.row.input)
}

#[test]
fn k6_a_row_at_which_a_node_panics_is_set_aside_and_the_stream_goes_on() {
    use streamweave::sink::on_error::Verdict::Skip;
    for batch in [1, 4, 64] {
        let aside_by: [Seen<String>; 6] = Default::default();
        let [a, b, c, d, e, f] = aside_by.clone();
        let result = block_on(
            graph! {
                rows = from_iter(0..20_u64);
                rows -> [values, references, several, several_by_reference, tried, kept];
                #[on_panic(custom(|of| { note(&a, aside(of)); Skip }))]
                values = by_value();
                #[on_panic(custom(|of| { note(&b, aside(of)); Skip }))]
                references = by_reference();
                #[on_panic(custom(|of| { note(&c, aside(of)); Skip }))]
                several = many();
                #[on_panic(custom(|of| { note(&d, aside(of)); Skip }))]
                several_by_reference = many_by_reference();
                #[on_panic(custom(|of| { note(&e, aside(of)); Skip }))]
                tried = fallible();
                #[on_panic(custom(|of| { note(&f, aside(of)); Skip }))]
                kept = filter(|row: &u64| by_value::call(*row) > 0);
                // The frontier goes on past the row.
                values -> event_time(|row| EventTime::from_micros(row.cast_signed()), ascending()) -> key_by(|_| ()) -> counted;
                counted = tumbling(5.micros()).aggregate(Count::new);
                counted.late -> discard;
                counted -> map(|pane| pane.value.value) -> panes;
                references -> evens;
                several -> threefold;
                several_by_reference -> threefold_by_reference;
                tried -> good;
                tried.err -> map(|failed| failed.input) -> odd;
                kept -> positive;
                panes = collect();
                evens = collect();
                threefold = collect();
                threefold_by_reference = collect();
                good = collect();
                odd = collect();
                positive = collect();
            }
            .batch(batch)
            .run(),
        )
        .expect("nothing stops it");
        result.assert_conserved();
        let fine = (0..20_u64).filter(|row| row % 5 != 3);
        assert_eq!(result.panes, [4, 4, 4, 4]);
        assert_eq!(result.evens, Vec::from_iter(fine.clone().filter(|row| row % 2 == 0)));
        assert_eq!(result.good, result.evens);
        assert_eq!(result.odd, Vec::from_iter(fine.clone().filter(|row| row % 2 == 1)));
        assert_eq!(result.positive, Vec::from_iter(fine.clone().skip(1)));
        // Of a row that is set aside nothing is sent.
        let threefold = Vec::from_iter(fine.flat_map(|row| [row; 3]));
        assert_eq!((&result.threefold, &result.threefold_by_reference), (&threefold, &threefold));
        let names = ["values", "references", "several", "several_by_reference", "tried", "kept"];
        for (node, aside) in names.into_iter().zip(aside_by) {
            let input = |row: u64| {
                if matches!(node, "values" | "several") { "()".to_owned() } else { row.to_string() }
            };
            let expected =
                [3, 8, 13, 18].map(|row| format!("{node} panicked at row {row}: a bad row {}", input(row)));
            assert_eq!(taken(&aside), expected);
        }
        assert_eq!(result.report().node("tried.on_panic").expect("it is there").absorbed, 4);
    }
}

#[test]
fn k6_only_the_panics_of_the_node_itself_are_set_aside() {
    let outcome = block_on(
        graph! {
            rows = from_iter(0..20_u64);
            #[on_panic(skip)]
            guarded = map(|row: u64| row);
            behind = by_value();
            rows -> guarded -> behind -> discard;
        }
        .run(),
    );
    let Err(Error::Panicked(report)) = outcome else { panic!("expected a panic, found {outcome:?}") };
    assert_eq!(report.node, "behind");
    let outcome = block_on(
        graph! {
            rows = from_iter(0..20_u64);
            #[on_panic(stop)]
            guarded = fallible();
            rows -> guarded -> discard;
            guarded.err -> discard;
        }
        .run(),
    );
    let error = outcome.expect_err("it stops").to_string();
    assert_eq!(error, "node `guarded`: panicked at row 3: a bad row; its input was 3");
}

/// The letters of a file.
fn letters(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a letter is JSON")).collect()
}

#[derive(Clone, Debug, serde::Deserialize)]
struct Numbered {
    number: u64,
}

#[test]
fn k6_a_dead_letter_has_what_came_the_node_the_place_the_causes_and_the_attempts() {
    let directory = Temporary::named("k6-letters");
    let (malformed, failed) = (directory.at("malformed"), directory.at("failed"));
    let raw =
        ["{\"number\":1}", "{\"number\":\u{e9}}", "{\"number\":3}", "{\"number\":-4}", "{\"number\":5}"];
    std::fs::write(directory.at("in"), raw.join("\n")).expect("it can be written");
    let graph = graph! {
        #[on_error(dead_letter(&malformed))]
        rows = jsonl::read::<Numbered>(directory.at("in"));
        #[on_error(dead_letter(&failed))]
        called = async_try_map(|row: Numbered| async move {
            if row.number == 3 { "three".parse::<u64>() } else { Ok(row.number) }
        }).retry(Retry::times(2));
        rows -> called -> good;
        good = collect();
    };
    let result = testing::run(graph, ManualClock::new(), 1).expect("nothing stops it");
    result.assert_conserved();
    assert_eq!(result.good, [1, 5]);
    let letters_of = |name: &str| letters(&directory.text(name));
    let refused = letters_of("malformed");
    assert_eq!(refused.len(), 2);
    for (letter, line) in refused.iter().zip([2, 4]) {
        assert_eq!(letter["node"], "rows");
        assert_eq!(
            (&letter["record"]["line"], &letter["record"]["raw"]),
            (&line.into(), &raw[line - 1].into())
        );
    }
    let [letter] = &letters_of("failed")[..] else { panic!("one row failed") };
    assert_eq!(letter["error"], "the call failed (3 attempts)");
    assert_eq!(letter["causes"][0], "invalid digit found in string");

    let dead = directory.at("panicked");
    let run = |rows: Vec<u64>| {
        block_on(
            graph! {
                rows = from_iter(rows);
                #[on_panic(dead_letter(&dead))]
                values = by_reference();
                rows -> values -> discard;
            }
            .run(),
        )
        .expect("nothing stops it");
    };
    run(vec![1, 2, 3, 4, 8]);
    let panicked = letters_of("panicked");
    assert_eq!(panicked.len(), 2);
    assert_eq!((&panicked[0]["node"], &panicked[0]["row"]), (&"values".into(), &2.into()));
    assert!(panicked[0]["at"].as_str().expect("a place").contains("supervision.rs"));
    // What is in the letters can be given again.
    run(panicked.iter().map(|letter| letter["input"].as_u64().expect("the input")).collect());
    assert_eq!(letters_of("panicked")[2]["input"], 3);
}

#[test]
fn k6_letters_that_cannot_be_written_fail_the_graph_and_none_is_dropped() {
    let directory = Temporary::named("k6-no-letters");
    let path = directory.at("not/there");
    let (at, out) = (path.clone(), directory.at("out"));
    let state = directory.at("state");
    let child = Child::new("child", move || {
        graph! {
            #![durable = exactly_once]
            rows = from_iter(0..20_u64);
            #[on_panic(dead_letter(at.clone()))]
            values = by_reference();
            rows -> values -> text;
            text = lines::write(out.clone());
        }
        .batch(2)
        .clock(Ticking::default())
        .checkpoints(Checkpoints::in_directory(&state).every(2.millis()).in_place())
    });
    let mut repaired = false;
    let folder = directory.at("not");
    let mut supervisor = Supervisor::new("root")
        .clock(Ticking::default())
        .on_failure(move |failure| {
            assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Sink, Some("values.on_panic")));
            if std::mem::replace(&mut repaired, true) {
                std::fs::create_dir_all(&folder).expect("a directory");
            }
            failure.directive
        })
        .child(child);
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("at last it can be written");
    assert_eq!(all(&mut failures).len(), 2);
    let rows: Vec<_> =
        letters(&directory.text("not/there")).iter().map(|letter| letter["row"].clone()).collect();
    assert_eq!(rows, [3, 8, 13, 18]);
}

#[node]
fn rarely(row: &u64) -> u64 {
    assert!(row % 40 != 3, "a bad row");
    *row
}

/// Copies what a crash would leave whenever something is published.
#[derive(Debug)]
struct Crashes {
    storage: LocalDirectory,
    root: PathBuf,
    count: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Crashing {
    object: Box<dyn Object>,
    root: PathBuf,
    count: Arc<AtomicU32>,
}

impl std::io::Write for Crashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.object.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.object.flush()
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("it can be copied");
        }
    }
}

impl Object for Crashing {
    fn publish(self: Box<Self>) -> std::io::Result<()> {
        self.object.publish()?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        copy(&self.root.join("run"), &self.root.join(format!("crash-{number}")));
        Ok(())
    }
}

impl Storage for Crashes {
    fn lock(&mut self) -> std::io::Result<bool> {
        self.storage.lock()
    }

    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.storage.list(folder)
    }

    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        self.storage.read(name)
    }

    fn create(&self, name: &str) -> std::io::Result<Box<dyn Object>> {
        let object = self.storage.create(name)?;
        Ok(Box::new(Crashing { object, root: self.root.clone(), count: Arc::clone(&self.count) }))
    }

    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.storage.remove(name)
    }
}

#[test]
fn k7_a_dead_letter_is_durable_before_the_checkpoint_that_leaves_its_row_behind() {
    let directory = Temporary::named("k7");
    let run = |root: PathBuf, storage: Box<dyn FnOnce(LocalDirectory) -> Checkpoints>| {
        let checkpoints = storage(LocalDirectory::new(root.join("state")));
        let graph = graph! {
            #![durable = exactly_once]
            rows = from_iter(0..800_u64);
            #[on_panic(dead_letter(root.join("letters")))]
            values = rarely();
            rows -> values -> text;
            text = lines::write(root.join("out"));
        };
        let graph =
            graph.batch(3).clock(Ticking::default()).checkpoints(checkpoints.every(2.millis()).in_place());
        block_on(graph.run()).expect("nothing stops it");
        let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("it was written");
        (read("letters"), read("out"))
    };
    std::fs::create_dir_all(directory.at("run")).expect("a directory");
    let (count, root) = (Arc::new(AtomicU32::new(0)), directory.0.clone());
    let counted = Arc::clone(&count);
    let whole = run(
        directory.at("run"),
        Box::new(move |storage| {
            Checkpoints::in_storage(Crashes { storage, root, count: counted }, "crashes")
        }),
    );
    let rows: Vec<_> = letters(&whole.0).iter().map(|letter| letter["row"].as_u64()).collect();
    assert_eq!(rows, Vec::from_iter((0..20).map(|letter| Some(letter * 40 + 3))));
    let crashes = count.load(Ordering::Relaxed);
    assert!(crashes > 3, "two checkpoints at least, {crashes} objects");
    // The first object belongs to a checkpoint that is not there yet: letters are appended to what is found then.
    for crash in (1..crashes).step_by((crashes / 10).max(1) as usize) {
        let again = run(
            directory.at(&format!("crash-{crash}")),
            Box::new(|storage| Checkpoints::in_storage(storage, "again")),
        );
        assert!(again == whole, "after crash {crash} of {crashes}: {} letters", again.0.lines().count());
    }
}

/// What happened, in its order.
type Events = Seen<&'static str>;

/// A policy that notes what it is asked for, and whose letters are durable the second time it is asked.
struct Noting {
    events: Events,
    is_synced: bool,
}

impl<D> Policy<D> for Noting {
    fn reject(&mut self, _of: Of<D>) {
        note(&self.events, "letter");
    }
}

impl Bring for Noting {
    fn cut(&mut self) {
        note(&self.events, "cut");
        self.is_synced = false;
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if !std::mem::replace(&mut self.is_synced, true) {
            turn.context().waker().wake_by_ref();
            return Poll::Pending;
        }
        note(&self.events, "durable");
        Poll::Ready(Ok(()))
    }
}

/// Notes what is published.
#[derive(Debug)]
struct Published {
    storage: LocalDirectory,
    events: Events,
}

#[derive(Debug)]
struct Publishing(Box<dyn Object>, Events);

impl std::io::Write for Publishing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Object for Publishing {
    fn publish(self: Box<Self>) -> std::io::Result<()> {
        note(&self.1, "published");
        self.0.publish()
    }
}

impl Storage for Published {
    fn lock(&mut self) -> std::io::Result<bool> {
        self.storage.lock()
    }

    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.storage.list(folder)
    }

    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        self.storage.read(name)
    }

    fn create(&self, name: &str) -> std::io::Result<Box<dyn Object>> {
        Ok(Box::new(Publishing(self.storage.create(name)?, Arc::clone(&self.events))))
    }

    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.storage.remove(name)
    }
}

#[test]
fn k7_a_checkpoint_is_published_once_the_letters_before_it_are_durable_and_not_before() {
    let (directory, events) = (Temporary::named("k7-order"), seen());
    let storage =
        Published { storage: LocalDirectory::new(directory.at("state")), events: Arc::clone(&events) };
    let noting = Noting { events: Arc::clone(&events), is_synced: false };
    let graph = graph! {
        #![durable = exactly_once]
        rows = from_iter(0..200_u64);
        #[on_panic(noting)]
        values = by_reference();
        rows -> values -> last;
        last = last();
    };
    let checkpoints = Checkpoints::in_storage(storage, "noting").every(2.millis()).in_place();
    block_on(graph.batch(5).clock(Ticking::default()).checkpoints(checkpoints).run())
        .expect("nothing stops it");
    let events = taken(&events);
    assert_eq!(events.iter().filter(|event| **event == "letter").count(), 40);
    let protocol: Vec<_> = events.into_iter().filter(|event| *event != "letter").collect();
    assert!(protocol.len() > 3 * 4, "several checkpoints: {protocol:?}");
    assert_eq!(protocol[0], "cut");
    for step in protocol.windows(2) {
        assert_eq!(step[0] == "cut", step[1] == "durable", "{protocol:?}");
    }
}

#[test]
fn k8_rows_that_are_called_for_again_keep_their_order() {
    for seed in 0..20 {
        let mut left = std::collections::HashMap::new();
        let graph = graph! {
            rows = from_iter(0..40_u64);
            called = async_try_map(|row: u64| {
                let left = left.entry(row).or_insert(row * 7 % 4);
                let fails = *left > 0;
                *left = left.saturating_sub(1);
                async move { if fails { Err("busy") } else { Ok(row) } }
            }).in_flight(8).retry(Retry::times(3).jitter(seed));
            rows -> called -> done;
            called.err -> discard;
            done = collect();
        };
        let result = testing::run(graph, ManualClock::new(), seed).expect("nothing fails");
        assert_eq!(result.done, Vec::from_iter(0..40));
    }
}

/// The times of calls, in seconds.
fn secs(calls: &Seen<i64>) -> Vec<i64> {
    taken(calls).into_iter().map(|micros| micros / 1_000_000).collect()
}

#[test]
fn k9_a_circuit_that_is_half_open_lets_one_call_through_and_rows_wait_in_their_order() {
    for seed in 0..5 {
        let (clock, calls) = (ManualClock::new(), seen());
        let (mut now, hours, made) = (clock.clone(), clock.clone(), Arc::clone(&calls));
        let graph = graph! {
            rows = from_iter(0..12_u64);
            called = async_try_map(move |row: u64| {
                let began = now.now().micros();
                note(&made, began);
                let takes = hours.sleep(1.secs());
                async move {
                    takes.await;
                    if began < micros(65.secs()) { Err("down") } else { Ok(row) }
                }
            })
            .in_flight(6)
            .breaker(CircuitBreaker::after(3).within(10.secs()).open_for(20.secs()))
            .retry(Retry::times(9).backoff(1.secs()).factor(1));
            rows -> called -> done;
            called.err -> discard;
            done = collect();
        };
        let result = testing::run(graph, clock.clone(), seed).expect("nothing fails");
        result.assert_conserved();
        assert_eq!(result.done, Vec::from_iter(0..12));
        let calls = secs(&calls);
        // Six are in flight when it opens; then one at a time, until one succeeds.
        assert_eq!(calls[..10], [0, 0, 0, 0, 0, 0, 21, 42, 63, 84]);
        assert_eq!(calls[10..15], [85; 5]);
        assert_eq!(calls.len(), 6 + 3 + 12);
    }
}

#[node(in_flight = 1, breaker = CircuitBreaker::after(2).open_for(1.hours()).refuse(), keep_input)]
async fn always_down(row: u64) -> Result<u64, String> {
    Err(format!("{row} fails"))
}

#[test]
fn k9_rows_are_refused_with_a_typed_error_where_that_is_asked_for() {
    let graph = graph! {
        rows = from_iter(0..6_u64);
        called = always_down();
        tried = async_try_map(|_: u64| async { Err::<u64, _>("down") })
            .in_flight(1)
            .retry(Retry::times(5))
            .breaker(CircuitBreaker::after(1).open_for(1.hours()).refuse());
        rows -> [called, tried];
        called -> discard;
        tried -> discard;
        called.err -> map(|failed| (failed.input, failed.error)) -> errors;
        tried.err -> map(|failed| failed.error.to_string()) -> texts;
        errors = collect();
        texts = collect();
    };
    let result = testing::run(graph, ManualClock::new(), 3).expect("nothing fails");
    result.assert_conserved();
    for (row, (input, error)) in (0..).zip(&result.errors) {
        assert_eq!(*input, row);
        match error {
            CallError::Failed { error, attempts: 1, .. } if row < 2 => {
                assert_eq!(*error, format!("{row} fails"))
            }
            CallError::Refused { attempts: 0, .. } if row >= 2 => {}
            other => panic!("row {row}: {other:?}"),
        }
    }
    assert_eq!(result.texts[0], "the circuit was open: no further call was made");
    assert_eq!(result.texts[1..], ["the circuit was open: no call was made"; 5]);
}

#[test]
fn k9_failures_that_are_answers_do_not_open_the_circuit() {
    let graph = graph! {
        rows = from_iter(0..20_u64);
        called = async_try_map(|row: u64| async move { if row % 2 == 0 { Err("no such row") } else { Ok(row) } })
            .breaker(CircuitBreaker::after(1).refuse())
            .retry(Retry::times(2))
            .retry_if(|error| *error != "no such row");
        rows -> called -> done;
        called.err -> map(|failed| failed.error.into_failed()) -> errors;
        done = collect();
        errors = collect();
    };
    let result = testing::run(graph, ManualClock::new(), 3).expect("nothing fails");
    assert_eq!((result.done.len(), result.errors.iter().flatten().count()), (10, 10));
}

#[test]
fn k9_a_breaker_that_cannot_work_is_refused_before_the_first_row() {
    let refused = |breaker: CircuitBreaker| {
        let graph = graph! {
            rows = from_iter(0..20_u64);
            called = async_try_map(|row: u64| async move { Ok::<_, String>(row) }).breaker(breaker);
            rows -> called -> discard;
            called.err -> discard;
        };
        testing::run(graph, ManualClock::new(), 3).map(|_| ()).expect_err("it cannot work").to_string()
    };
    assert!(refused(CircuitBreaker::after(0)).contains("at least one failure, found 0"));
    assert!(refused(CircuitBreaker::after(1).within(0.secs())).contains("above zero, found 0 s"));
}
