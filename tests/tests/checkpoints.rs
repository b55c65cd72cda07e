//! Checkpoints by their rules: H1, H5, H7, H12, J5 to J7; and storages that are damaged, full, locked or of others. What a crash leaves is
//! in `crash_simulation.rs`.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use streamweave::checkpoint::{CheckpointError, Checkpoints, Damage, LocalDirectory, Storage};
use streamweave::envelope::Update;
use streamweave::operator::{
    Cause, Commits, Cx, Durable, Flush, Input, Node, Operator, Outcome, Progress, Replays, Resume, Turn,
};
use streamweave::port::{Edge, NoPorts, OnlyOut, Port, Push};
use streamweave::prelude::*;
use streamweave::state::{Fields, Map, Mismatch};
use streamweave::testing::simulation::{Faults, Lived, replayed, transactions};
use streamweave::testing::{CrashTest, World};
use streamweave::time::{Frontier, Timestamp};
use streamweave::{Error, Running};
use streamweave_tests::random::Random;
use streamweave_tests::until_it_waits;

const ROWS: usize = 60;

fn rows() -> Vec<(u64, i64)> {
    let mut random = Random::new(1);
    (0..ROWS).map(|_| (random.below(7), random.between(-400, 400))).collect()
}

/// The balance of each account, and how many bookings there were.
#[derive(Default, State)]
struct Accounts {
    #[state]
    balances: Map<u64, i64>,
    #[state]
    bookings: u64,
}

#[node]
impl Accounts {
    fn on_booking(&mut self, (account, amount): (u64, i64), out: &mut Out<(u64, u64, i64)>) {
        self.bookings += 1;
        let balance = self.balances.entry(account, || 0);
        *balance += amount;
        out.send((self.bookings, account, *balance));
    }
}

/// What comes out of `Accounts` for these bookings.
fn booked(rows: &[(u64, i64)]) -> Vec<(u64, u64, i64)> {
    let mut balances = std::collections::HashMap::new();
    let booked = (1..).zip(rows).map(|(number, (account, amount))| {
        let balance = balances.entry(*account).or_insert(0);
        *balance += amount;
        (number, *account, *balance)
    });
    booked.collect()
}

/// A graph whose whole output is part of its state.
macro_rules! accounts {
    ($world:expr) => {
        graph! {
            #![durable = exactly_once]
            bookings = replayed($world, rows());
            accounts = Accounts(Accounts::default());
            bookings -> accounts.booking;
            accounts -> balances;
            balances = collect();
        }
        .batch(3)
    };
}

fn kept(world: &World) -> Checkpoints {
    Checkpoints::in_storage(world.storage(), "simulated").every(2.millis()).in_place()
}

/// A world in which the graph has crashed at this step, and checkpoints lie about.
fn crashed_at(step: u64, checkpoints: impl FnOnce(Checkpoints) -> Checkpoints) -> World {
    let world = World::new(3);
    world.crash_at(step);
    let lived = world.run(accounts!(&world).checkpoints(checkpoints(kept(&world))), 1);
    assert!(matches!(lived, Lived::Crashed), "it ended before step {step}");
    world.restart();
    world
}

/// Another world with the same objects.
fn copied(of: &World) -> World {
    let (world, from) = (World::new(4), of.storage());
    let to = world.storage();
    for name in from.names() {
        to.put(&name, from.bytes(&name).expect("it is there"));
    }
    world
}

/// Goes on to the end: what is yielded, or why not.
fn gone_on(world: &World) -> Result<Vec<(u64, u64, i64)>, CheckpointError> {
    gone_on_with(world, kept(world))
}

fn gone_on_with(world: &World, checkpoints: Checkpoints) -> Result<Vec<(u64, u64, i64)>, CheckpointError> {
    match world.run(accounts!(world).batch(100).checkpoints(checkpoints), 2) {
        Lived::Ended(result) => Ok(result.balances),
        Lived::Failed(Error::Checkpoint(error)) => Err(*error),
        Lived::Failed(error) => panic!("expected an error of the checkpoints, found: {error}"),
        Lived::Crashed => panic!("nobody told it to"),
    }
}

fn manifests(world: &World) -> Vec<String> {
    world.storage().names().into_iter().filter(|name| name.ends_with(".manifest")).collect()
}

fn on_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread can be built").block_on(future)
}

/// Lets a graph that was spawned run until it waits: it runs on this very thread.
async fn settled<R>(running: &Running<R>) {
    for _ in 0..100 {
        running.explain().await;
    }
}

/// How far a source may go.
#[derive(Clone, Debug, Default)]
struct Tap(Arc<Mutex<Allowed>>);

#[derive(Debug, Default)]
struct Allowed {
    rows: u64,
    ends: bool,
    waker: Option<Waker>,
}

impl Tap {
    fn open(&self, rows: u64, ends: bool) {
        let mut allowed = self.0.lock().expect("nobody panics in here");
        (allowed.rows, allowed.ends) = (rows, ends);
        allowed.waker.take().into_iter().for_each(Waker::wake);
    }
}

/// The numbers from 0, as far as the tap is open.
#[derive(Debug)]
struct Tapped {
    tap: Tap,
    taken: u64,
}

fn tapped(tap: &Tap) -> Node<Tapped, OnlyOut<u64, (), ()>> {
    Node::new(Tapped { tap: tap.clone(), taken: 0 }, OnlyOut::new())
}

impl Operator for Tapped {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        let mut allowed = self.tap.0.lock().expect("nobody panics in here");
        if self.taken < allowed.rows || allowed.ends {
            return Poll::Ready(Ok(()));
        }
        allowed.waker = Some(turn.context().waker().clone());
        Poll::Pending
    }

    fn finish(&mut self) {}
}

impl Durable for Tapped {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("taken", &mut self.taken)
    }
}

impl Replays for Tapped {}

impl<S: Push<u64, (), ()>> Resume<(Port<S>,)> for Tapped {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        let (rows, ends) = {
            let allowed = self.tap.0.lock().expect("nobody panics in here");
            (allowed.rows, allowed.ends)
        };
        let to = if cx.stopping() { self.taken } else { rows.min(self.taken + cx.budget() as u64) };
        for number in self.taken..to {
            out.push(Update::from(number));
        }
        self.taken = self.taken.max(to);
        if cx.stopping() || (ends && self.taken >= rows) {
            out.advance::<u64, (), ()>(Frontier::end());
            return Progress::Ended;
        }
        Progress::More
    }
}

/// What a sink was asked, and how it is to answer.
#[derive(Clone, Debug, Default)]
struct Desk(Arc<Mutex<Answers>>);

#[derive(Debug, Default)]
struct Answers {
    log: Vec<&'static str>,
    is_stuck: bool,
    commits_fail: bool,
    waker: Option<Waker>,
}

impl Desk {
    fn stick(&self, is_stuck: bool) {
        let mut answers = self.0.lock().expect("nobody panics in here");
        answers.is_stuck = is_stuck;
        answers.waker.take().into_iter().for_each(Waker::wake);
    }

    fn log(&self) -> Vec<&'static str> {
        self.0.lock().expect("nobody panics in here").log.clone()
    }
}

#[derive(Debug)]
struct Watched(Desk);

fn watched<T>(_input: Edge<u64, T>, desk: &Desk) -> Node<Watched, NoPorts> {
    Node::new(Watched(desk.clone()), NoPorts)
}

impl Watched {
    fn note(&self, what: &'static str) {
        self.0.0.lock().expect("nobody panics in here").log.push(what);
    }
}

impl Operator for Watched {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        let mut answers = self.0.0.lock().expect("nobody panics in here");
        if answers.is_stuck {
            answers.waker = Some(turn.context().waker().clone());
            return Poll::Pending;
        }
        if flush == Flush::Close {
            answers.log.push("close");
        }
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {
        self.note("finish");
    }
}

impl Durable for Watched {
    fn fields(&mut self, _fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        Ok(())
    }

    fn cut(&mut self) {
        self.note("cut");
    }

    fn poll_pre_commit(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.note("pre-commit");
        Poll::Ready(Ok(()))
    }

    fn poll_commit(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.note("commit");
        if self.0.0.lock().expect("nobody panics in here").commits_fail {
            return Poll::Ready(Err("the table is gone".into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl Commits for Watched {}

impl<Outs> Resume<Outs> for Watched {}

impl<T: Timestamp, Outs> Input<0, u64, T, (), Outs> for Watched {
    fn push(&mut self, row: Update<u64, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {
        self.note(if row.data >= END { "the end's row" } else { "row" });
    }

    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {
        if frontier.is_end() {
            self.note("end");
        }
    }
}

/// From here on numbers are what came of the end of the stream.
const END: u64 = 1_000_000;

/// Passes numbers on, and their sum at the end: what a window does that fires.
#[derive(Default, State)]
struct Summed {
    #[state]
    sum: u64,
}

#[node]
impl Summed {
    fn on_number(&mut self, number: u64, out: &mut Out<u64>) {
        self.sum += number;
        out.send(number);
    }

    fn on_frontier(&mut self, out: &mut Out<u64>) {
        out.send(END + self.sum);
    }
}

macro_rules! summed {
    ($tap:expr, $world:expr) => {
        graph! {
            #![durable = exactly_once]
            numbers = tapped($tap);
            summed  = Summed(Summed::default());
            numbers -> summed.number;
            summed -> out;
            out = transactions($world, "out");
        }
        .checkpoints(Checkpoints::in_storage($world.storage(), "simulated").on_demand())
    };
}

/// What is committed when so many numbers were passed on, and the end has come or not.
fn texts(numbers: u64, ended: bool) -> Vec<String> {
    let end = ended.then(|| END + (0..numbers).sum::<u64>());
    (0..numbers).chain(end).map(|number| number.to_string()).collect()
}

#[test]
fn h1_checkpoints_are_taken_under_load_and_each_is_consistent() {
    let (tap, world) = (Tap::default(), World::new(1));
    macro_rules! counted {
        ($checkpoints:expr) => {
            graph! {
                #![durable = exactly_once]
                numbers  = tapped(&tap);
                accounts = Accounts(Accounts::default());
                numbers -> map(|number| (number * 7919 % 20_011, 1)) -> accounts.booking;
                accounts -> fold;
                fold = scan((0, 0_u64), |(count, sum): &mut (u64, u64), row: (u64, u64, i64)| {
                    *count = row.0;
                    *sum = sum.wrapping_mul(31).wrapping_add(row.0 ^ row.1 << 20 ^ (row.2 as u64) << 40);
                    Some((*count, *sum))
                });
                fold -> last;
                last = last();
            }
            .batch(50)
            .checkpoints($checkpoints)
        };
    }
    let storage = || Checkpoints::in_storage(world.storage(), "simulated").on_demand();
    tap.open(u64::MAX, false);
    let expected = on_runtime(async {
        let running = counted!(storage()).spawn();
        // Each waits for the one before; the graph goes on meanwhile, and never lacks input.
        for number in 0..4 {
            running.checkpoint(Some(&format!("s{number}"))).await.expect("it is taken");
        }
        tap.open(0, true);
        running.await.expect("it comes to its end").last
    });
    let (count, _) = expected.expect("there are some");
    tap.open(count, true);
    for number in 0..4 {
        let from = storage().from_savepoint(format!("s{number}"));
        let again = on_runtime(counted!(from).run()).expect("it goes on").last;
        assert_eq!(again, expected, "from savepoint {number}");
    }
}

#[test]
fn h5_torn_flipped_and_missing_files_fall_back() {
    let world = crashed_at(230, |kept| kept.keep(3));
    let manifests = manifests(&world);
    assert!(manifests.len() >= 3);
    let expected = booked(&rows());
    let newest = manifests.last().expect("there are three");
    let segment = world.storage().names().into_iter().rfind(|name| name.ends_with(".segment"));
    for name in [newest, &segment.expect("there are some")] {
        let length = world.storage().bytes(name).expect("it is there").len();
        for bytes in [0, 1, 5, 6, 9, length / 2, length - 1] {
            let torn = copied(&world);
            torn.storage().tear(name, bytes);
            assert_eq!(gone_on(&torn).expect("an older one is whole"), expected, "{name} cut to {bytes}");
        }
        let lost = copied(&world);
        lost.storage().lose(name);
        assert_eq!(gone_on(&lost).expect("an older one is whole"), expected, "{name} lost");
    }
}

#[test]
fn h5_any_flipped_byte_is_an_error_or_changes_nothing() {
    let world = crashed_at(90, |kept| kept.keep(2));
    let expected = booked(&rows());
    let (mut right, mut refused) = (0, 0);
    for name in world.storage().names() {
        for byte in 0..world.storage().bytes(&name).expect("it is there").len() {
            let flipped = copied(&world);
            flipped.storage().flip(&name, byte * 8 + byte % 8);
            match gone_on_with(&flipped, kept(&flipped).on_demand()) {
                Ok(found) => {
                    assert_eq!(found, expected, "{name}, byte {byte}");
                    right += 1;
                }
                Err(CheckpointError::Damaged { .. }) => refused += 1,
                Err(error) => panic!("{name}, byte {byte}: {error}"),
            }
        }
    }
    println!("{right} right, {refused} refused");
    assert!(right > 500 && refused > 100);
}

#[test]
fn h5_where_every_checkpoint_is_damaged_nothing_begins_anew() {
    let world = crashed_at(180, |kept| kept);
    for manifest in manifests(&world) {
        world.storage().tear(&manifest, 20);
    }
    let error = gone_on(&world).expect_err("there is none that is whole");
    assert!(matches!(error, CheckpointError::Damaged { damage: Damage::Checksum, .. }), "{error}");
}

#[test]
fn h5_a_manifest_of_a_newer_version_is_refused() {
    let world = crashed_at(180, |kept| kept);
    let newest = manifests(&world).pop().expect("there are some");
    let mut bytes = world.storage().bytes(&newest).expect("it is there");
    bytes[5] += 1;
    world.storage().put(&newest, bytes);
    let error = gone_on(&world).expect_err("it is from the future");
    assert!(
        matches!(error, CheckpointError::Damaged { damage: Damage::Newer { version: 2 }, .. }),
        "{error}"
    );
}

#[test]
fn h5_so_many_checkpoints_are_kept_and_their_segments() {
    for keep in 1..=4 {
        let world = crashed_at(260, |kept| kept.keep(keep));
        // One more, where it crashed before the oldest was removed.
        assert!((keep..=keep + 1).contains(&manifests(&world).len()));
        // Each of them, and not only the last, can be gone on from.
        while let Some(newest) = manifests(&world).pop() {
            assert_eq!(gone_on(&copied(&world)).expect("it is whole"), booked(&rows()));
            world.storage().lose(&newest);
        }
    }
}

#[test]
fn h5_what_was_fallen_back_behind_is_removed_and_its_number_not_used_again() {
    let world = crashed_at(230, |kept| kept.keep(3));
    let newest = manifests(&world).pop().expect("there are some");
    world.storage().tear(&newest, 30);
    let published = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&published);
    let checkpoints = kept(&world).observed_by(move |published| {
        noted
            .lock()
            .expect("nobody panics in here")
            .push(format!("checkpoints/{:010}.manifest", published.number));
    });
    let lived = world.run(accounts!(&world).checkpoints(checkpoints), 5);
    assert!(matches!(lived, Lived::Ended(_)));
    let published = published.lock().expect("nobody panics in here");
    assert!(!published.is_empty() && published.iter().all(|name| *name > newest));
    assert!(!manifests(&world).contains(&newest));
}

#[test]
fn h5_failed_checkpoints_do_not_fail_the_graph_until_there_are_too_many() {
    // Each attempt fails at its first write.
    for (failing, survives) in [(2, true), (3, false)] {
        let world = World::new(1);
        world.storage().fail_next(failing);
        let lived = world.run(accounts!(&world).checkpoints(kept(&world).tolerate_failures(2)), 1);
        match lived {
            Lived::Ended(result) if survives => assert_eq!(result.balances, booked(&rows())),
            Lived::Failed(Error::Checkpoint(error)) if !survives => {
                assert!(matches!(*error, CheckpointError::Failing { failures: 3, .. }), "{error}");
                assert_eq!(
                    error.to_string(),
                    "3 checkpoints in a row could not be taken; the last because of: cannot write \
                     `segments/0000000003.segment` in `simulated`: simulated failure of the storage"
                );
            }
            _ => panic!("{failing} failures"),
        }
    }
}

#[test]
fn h5_the_last_checkpoint_is_tried_again_like_any_other() {
    let world = World::new(1);
    world.storage().fail_next(2);
    let checkpoints = kept(&world).on_demand().tolerate_failures(2);
    let lived = world.run(accounts!(&world).checkpoints(checkpoints), 1);
    assert!(matches!(lived, Lived::Ended(_)));
    assert_eq!(manifests(&world).len(), 1);
}

#[test]
fn h5_a_full_disk_is_told_and_the_graph_goes_on_once_there_is_room() {
    let world = crashed_at(180, |kept| kept);
    let used: usize =
        world.storage().names().iter().filter_map(|name| Some(world.storage().bytes(name)?.len())).sum();
    world.storage().limit(Some(used + 10));
    let error = gone_on(&world).expect_err("nothing can be written");
    let CheckpointError::Failing { failures: 4, last } = error else { panic!("{error}") };
    let CheckpointError::Storage { source, .. } = *last else { panic!("{last}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    world.restart();
    world.storage().limit(None);
    assert_eq!(gone_on(&world).expect("there is room"), booked(&rows()));
}

#[test]
fn h5_a_segment_that_is_damaged_while_the_graph_runs_is_not_built_upon() {
    let world = World::new(1);
    let storage = world.storage();
    let damaged = Cell::new(false);
    let handle = world.storage();
    let damaged = std::sync::atomic::AtomicBool::new(damaged.get());
    // The first segment goes bad; the ninth checkpoint merges, and finds it.
    let checkpoints = kept(&world).every(1.micros()).observed_by(move |published| {
        if published.number == 2 && !damaged.swap(true, std::sync::atomic::Ordering::Relaxed) {
            handle.flip("segments/0000000001.segment", 80);
        }
    });
    world.crash_at(600);
    let lived = world.run(accounts!(&world).batch(1).checkpoints(checkpoints), 1);
    assert!(matches!(lived, Lived::Crashed));
    assert!(manifests(&world).pop().is_some_and(|last| *last > *"checkpoints/0000000012.manifest"));
    assert!(storage.bytes("segments/0000000001.segment").is_none(), "it is not needed any more");
    world.restart();
    assert_eq!(gone_on(&world).expect("the last one holds everything again"), booked(&rows()));
}

#[test]
fn two_graphs_on_one_state_are_refused() {
    let directory = std::env::temp_dir().join(format!("streamweave-two-graphs-{}", std::process::id()));
    let (tap, world) = (Tap::default(), World::new(1));
    macro_rules! graph {
        () => {
            streamweave::prelude::graph! {
                #![durable = exactly_once]
                numbers = tapped(&tap);
                numbers -> out;
                out = transactions(&world, "out");
            }
            .checkpoints(Checkpoints::in_directory(&directory))
        };
    }
    on_runtime(async {
        let running = graph!().spawn();
        settled(&running).await;
        let error = graph!().run().await.expect_err("another has it");
        assert_eq!(
            error.to_string(),
            format!(
                "`{}` is in use: another graph keeps its checkpoints there; give each graph a directory of its own",
                directory.display()
            )
        );
        running.abort();
        assert!(running.await.is_err());
        // The first is gone, and so is its lock.
        tap.open(1, true);
        graph!().run().await.expect("nobody else has it");
    });
    std::fs::remove_dir_all(directory).expect("it was made");
}

#[test]
fn a_directory_that_cannot_be_written_is_told_before_the_first_row() {
    let file = std::env::temp_dir().join(format!("streamweave-no-directory-{}", std::process::id()));
    std::fs::write(&file, "a file").expect("a temporary file");
    let world = World::new(1);
    let checkpoints = Checkpoints::in_directory(file.join("state")).in_place();
    let lived = world.run(accounts!(&world).checkpoints(checkpoints), 1);
    let Lived::Failed(Error::Checkpoint(error)) = lived else { panic!("it is no directory") };
    let expected = format!("cannot lock `LOCK` in `{}`", file.join("state").display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    std::fs::remove_file(file).expect("it was made");
}

#[test]
fn objects_of_a_directory_are_there_once_they_are_published() {
    let directory = std::env::temp_dir().join(format!("streamweave-objects-{}", std::process::id()));
    let storage = LocalDirectory::new(directory.join("some").join("where"));
    let mut object = storage.create("folder/a").expect("it can be made");
    object.write_all(b"1").expect("it can be written");
    assert_eq!(storage.list("folder").expect("it can be read"), Vec::<String>::new());
    assert!(storage.read("folder/a").is_err());
    object.publish().expect("it can be renamed");
    drop(storage.create("folder/b").expect("it can be made"));
    assert_eq!(storage.list("folder").expect("it can be read"), ["a"]);
    assert_eq!(storage.read("folder/a").expect("it is there"), b"1");
    std::fs::remove_dir_all(directory).expect("it was made");
}

#[test]
fn h7_commits_that_fail_for_a_while_are_tried_again_and_drop_nothing() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            numbers = replayed(world, 0..40_u64);
            numbers -> [left, right];
            left  = transactions(world, "left");
            right = transactions(world, "right");
        }
    })
    .faults(Faults { transactions: 2, ..Faults::NONE });
    assert!(test.seeds(0..50).crashes > 100);
}

#[test]
fn h7_empty_transactions_are_committed_too() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        let running = summed!(&tap, &world).spawn();
        for number in 1..=3 {
            assert_eq!(running.checkpoint(None).await.expect("it is taken").number, number);
        }
        tap.open(2, true);
        running.await.expect("it comes to its end");
        assert_eq!(world.committed("out"), texts(2, true));
    });
}

/// Is ready every second time it is polled, and begins anew when it was.
#[derive(Debug)]
struct Alternating {
    polls: u32,
}

fn alternating<T>(_input: Edge<u64, T>, polls: u32) -> Node<Alternating, NoPorts> {
    Node::new(Alternating { polls }, NoPorts)
}

impl Alternating {
    fn polled(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.polls += 1;
        assert!(self.polls < 1000, "it is asked again and again");
        if self.polls % 2 == 0 {
            return Poll::Ready(Ok(()));
        }
        turn.context().waker().wake_by_ref();
        Poll::Pending
    }
}

impl Operator for Alternating {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

impl Durable for Alternating {
    fn fields(&mut self, _fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        Ok(())
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.polled(turn)
    }

    fn poll_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.polled(turn)
    }
}

impl Commits for Alternating {}

impl<Outs> Resume<Outs> for Alternating {}

impl<T: Timestamp, Outs> Input<0, u64, T, (), Outs> for Alternating {
    fn push(&mut self, _row: Update<u64, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {}

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}

#[test]
fn h7_a_sink_that_has_committed_is_not_asked_again_while_another_has_not() {
    let world = World::new(1);
    let graph = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..5_u64);
        numbers -> [even, odd];
        even = alternating(0);
        odd  = alternating(1);
    };
    assert!(matches!(world.run(graph.checkpoints(kept(&world)), 1), Lived::Ended(_)));
}

#[test]
fn h7_who_asked_for_a_savepoint_hears_that_its_commit_failed() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        desk.0.lock().expect("nobody panics in here").commits_fail = true;
        let mut running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = watched(&desk);
        }
        .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        .spawn();
        let error = running.stop_with_savepoint("here").await.expect_err("the commit fails");
        assert_eq!(error.to_string(), "node `out`: the table is gone");
    });
}

#[test]
fn h8_a_commit_that_fails_after_a_restore_fails_the_run_and_is_made_by_the_next() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        macro_rules! graph {
            () => {
                streamweave::prelude::graph! {
                    #![durable = exactly_once]
                    numbers = tapped(&tap);
                    numbers -> out;
                    out = watched(&desk);
                }
                .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
            };
        }
        let fail = |fails| desk.0.lock().expect("nobody panics in here").commits_fail = fails;
        graph!().spawn().stop_with_savepoint("here").await.expect("it is taken");
        tap.open(1, true);
        fail(true);
        let before = desk.log().len();
        let error = graph!().run().await.expect_err("it cannot be committed");
        assert_eq!(error.to_string(), "node `out`: the table is gone");
        // Not a row was taken before.
        assert_eq!(desk.log()[before..], ["commit", "close"]);
        fail(false);
        let before = desk.log().len();
        graph!().run().await.expect("it can be committed now");
        let expected = ["commit", "row", "end", "close", "cut", "pre-commit", "commit", "finish"];
        assert_eq!(desk.log()[before..], expected);
    });
}

macro_rules! lives_on {
    ($world:expr, $lives:expr, $graph:expr, $checkpoints:expr) => {{
        $world.crash_at($lives);
        let lived = $world.run($graph.checkpoints($checkpoints), 1);
        assert!(matches!(lived, Lived::Crashed));
        $world.restart();
    }};
}

#[test]
fn h12_a_renamed_node_keeps_its_state_over_several_restarts() {
    let world = crashed_at(150, |kept| kept);
    macro_rules! renamed {
        () => {
            graph! {
                #![durable = exactly_once]
                bookings = replayed(&world, rows());
                #[was = "accounts"]
                ledger = Accounts(Accounts::default());
                bookings -> ledger.booking;
                ledger -> balances;
                balances = collect();
            }
            .batch(3)
        };
    }
    lives_on!(world, 80, renamed!(), kept(&world));
    lives_on!(world, 60, renamed!(), kept(&world));
    let Lived::Ended(result) = world.run(renamed!().checkpoints(kept(&world)), 1) else { panic!("it ends") };
    assert_eq!(result.balances, booked(&rows()));
}

#[test]
fn h12_a_removed_node_is_refused_unless_it_is_dropped() {
    let world = crashed_at(150, |kept| kept);
    macro_rules! without {
        () => {
            graph! {
                #![durable = exactly_once]
                bookings = replayed(&world, rows());
                bookings -> map(|(account, amount)| (0, account, amount)) -> balances;
                balances = collect();
            }
            .batch(3)
        };
    }
    let Lived::Failed(Error::Checkpoint(error)) = world.run(without!().checkpoints(kept(&world)), 1) else {
        panic!("it is refused")
    };
    assert!(matches!(*error, CheckpointError::OtherGraph { .. }), "{error}");
    assert!(
        error.to_string().contains("holds state of `accounts`, which the graph does not have"),
        "{error}"
    );
    let dropped = kept(&world).drop_node("accounts");
    assert!(matches!(world.run(without!().checkpoints(dropped), 1), Lived::Ended(_)));
}

#[test]
fn h12_a_node_that_was_dropped_and_comes_back_begins_anew() {
    let world = crashed_at(150, |kept| kept);
    let other = |checkpoints: Checkpoints| checkpoints.drop_node("accounts").drop_node("balances");
    let without = graph! {
        #![durable = exactly_once]
        bookings = replayed(&world, rows());
        bookings -> rest;
        rest = collect();
    }
    .batch(1);
    lives_on!(world, 50, without, other(kept(&world)));
    let drop_rest = |checkpoints: Checkpoints| checkpoints.drop_node("rest");
    lives_on!(world, 70, accounts!(&world), drop_rest(kept(&world)));
    let result = match world.run(accounts!(&world).checkpoints(drop_rest(kept(&world))), 1) {
        Lived::Ended(result) => result.balances,
        Lived::Failed(error) => panic!("{error}"),
        Lived::Crashed => panic!("nobody told it to"),
    };
    let rows = rows();
    assert!(result.len() < rows.len());
    assert_eq!(result, booked(&rows[rows.len() - result.len()..]));
}

#[test]
fn h12_stateless_nodes_come_and_go_and_the_order_does_not_matter() {
    let world = crashed_at(150, |kept| kept);
    let changed = graph! {
        #![durable = exactly_once]
        balances = collect();
        accounts = Accounts(Accounts::default());
        accounts -> filter(|_: &(u64, u64, i64)| true) -> balances;
        bookings -> map(|row| row) -> accounts.booking;
        bookings = replayed(&world, rows());
    };
    let Lived::Ended(result) = world.run(changed.checkpoints(kept(&world)), 1) else { panic!("it ends") };
    assert_eq!(result.balances, booked(&rows()));
}

#[test]
fn h12_inline_nodes_of_a_kind_that_keep_state_need_names() {
    let world = World::new(1);
    let graph = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..5_u64);
        numbers -> running_count() -> running_count() -> counts;
        counts = collect();
    };
    let Lived::Failed(Error::Checkpoint(error)) = world.run(graph.checkpoints(kept(&world)), 1) else {
        panic!("it is refused")
    };
    assert!(matches!(*error, CheckpointError::Nameless { .. }), "{error}");
}

#[test]
fn h12_a_checkpoint_of_another_graph_is_refused() {
    let world = crashed_at(150, |kept| kept);
    let other = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..5_u64);
        numbers -> kept;
        kept = collect();
    };
    let Lived::Failed(Error::Checkpoint(error)) = world.run(other.checkpoints(kept(&world)), 1) else {
        panic!("it is refused")
    };
    assert!(matches!(*error, CheckpointError::OtherGraph { .. }), "{error}");
    assert!(error.to_string().contains("it has `kept`, `numbers`"), "{error}");
}

#[test]
fn j5_a_stuck_sink_holds_a_savepoint_back_and_nothing_else_that_is_asked() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        let mut running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = watched(&desk);
        }
        .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        .spawn();
        tap.open(1, false);
        settled(&running).await;
        desk.stick(true);
        tap.open(100_000, false);
        settled(&running).await;
        {
            let mut saved = pin!(running.checkpoint(Some("held")));
            assert!(until_it_waits(saved.as_mut()).is_pending());
            settled(&running).await;
            assert!(until_it_waits(saved.as_mut()).is_pending());
            let explained = running.explain().await.expect("it answers");
            assert_eq!(explained.holding().map(|node| node.name).collect::<Vec<_>>(), ["out"]);
            desk.stick(false);
            assert_eq!(saved.await.expect("it is taken").number, 1);
        }
        // The source has as much as it likes; it stops all the same.
        tap.open(u64::MAX, false);
        running.stop_with_savepoint("stopped").await.expect("it is taken");
    });
}

#[test]
fn j6_all_rows_then_the_end_then_flush_then_the_last_checkpoint_then_its_commit() {
    let (desk, world) = (Desk::default(), World::new(1));
    let graph = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..2_u64);
        summed  = Summed(Summed::default());
        numbers -> summed.number;
        summed -> out;
        out = watched(&desk);
    };
    let lived = world.run(graph.checkpoints(kept(&world).on_demand()), 1);
    assert!(matches!(lived, Lived::Ended(_)));
    let expected = ["row", "row", "the end's row", "end", "close", "cut", "pre-commit", "commit", "finish"];
    assert_eq!(desk.log(), expected);
}

#[test]
fn j7_stop_with_savepoint_fires_nothing_and_is_gone_on_from_without_duplicates() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        tap.open(5, false);
        let mut running = summed!(&tap, &world).spawn();
        settled(&running).await;
        assert_eq!(world.committed("out"), texts(0, false));
        running.stop_with_savepoint("here").await.expect("it is taken");
        assert_eq!(world.committed("out"), texts(5, false));
        tap.open(8, true);
        summed!(&tap, &world).run().await.expect("it goes on");
        assert_eq!(world.committed("out"), texts(8, true));
        // It has come to its end: once more changes nothing.
        summed!(&tap, &world).run().await.expect("there is nothing to do");
        assert_eq!(world.committed("out"), texts(8, true));
    });
}

#[test]
fn j7_a_graph_that_was_drained_is_not_gone_on_from_and_its_savepoint_is() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        tap.open(5, false);
        let running = summed!(&tap, &world).spawn();
        settled(&running).await;
        running.checkpoint(Some("before")).await.expect("it is taken");
        running.drain();
        running.await.expect("it drains");
        assert_eq!(world.committed("out"), texts(5, true));
        let error = summed!(&tap, &world).run().await.expect_err("it was drained");
        assert!(
            matches!(&error, Error::Checkpoint(error) if matches!(**error, CheckpointError::Drained { number: 2 })),
            "{error}"
        );
    });
}

#[test]
fn j7_a_graph_that_drains_takes_no_savepoint_that_could_be_gone_on_from() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        let running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = watched(&desk);
        }
        .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        .spawn();
        settled(&running).await;
        desk.stick(true);
        tap.open(10, false);
        settled(&running).await;
        running.drain();
        let refused = {
            let mut saved = pin!(running.checkpoint(Some("late")));
            assert!(until_it_waits(saved.as_mut()).is_pending());
            settled(&running).await;
            // It hears at once, though the sink is stuck.
            until_it_waits(saved.as_mut())
        };
        let Poll::Ready(Err(error)) = refused else { panic!("it drains: {refused:?}") };
        assert_eq!(
            error.to_string(),
            "the graph drains, and takes no more savepoints: its last checkpoint comes at its end"
        );
        desk.stick(false);
        running.await.expect("it drains");
    });
}

#[test]
fn j7_an_aborted_graph_goes_on_from_its_last_checkpoint() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        tap.open(5, false);
        let running = summed!(&tap, &world).spawn();
        settled(&running).await;
        running.checkpoint(None).await.expect("it is taken");
        tap.open(7, false);
        settled(&running).await;
        running.abort();
        assert!(matches!(running.await, Err(Error::Stopped(_))));
        assert_eq!(world.committed("out"), texts(5, false));
        world.restart();
        tap.open(9, true);
        summed!(&tap, &world).run().await.expect("it goes on");
        assert_eq!(world.committed("out"), texts(9, true));
    });
}

#[test]
fn a_graph_without_checkpoints_says_so_when_it_is_asked_for_one() {
    on_runtime(async {
        let tap = Tap::default();
        let running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = collect();
        }
        .spawn();
        let error = running.checkpoint(None).await.expect_err("it has none");
        assert_eq!(
            error.to_string(),
            "the graph was given no checkpoints: say `.checkpoints(..)` before it is run"
        );
    });
}
