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

mod changed_graphs;
mod commits;
mod damage;
mod stops;

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
