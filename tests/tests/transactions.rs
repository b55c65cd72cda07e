//! A source and a sink of one's own, each of whose steps may be the last: what is seen outside in the end is what would be seen
//! without a crash.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use streamweave::checkpoint::{Object, Storage};
use streamweave::prelude::*;
use streamweave::sink::{IdempotentSink, Known, TransactionalSink};
use streamweave::source::Source;
use streamweave::time::ManualClock;
use streamweave_tests::random::Random;

/// All that survives a crash, and who counts the steps.
#[derive(Debug, Default)]
struct World {
    /// Crashes at this step.
    crash_at: Option<u64>,
    steps: u64,
    has_crashed: bool,
    /// Fails in passing, by this chance in a hundred.
    fails: u64,
    /// Storage fails for good: so many times.
    failing_checkpoints: u32,
    random: Option<Random>,
    /// Objects of the storage.
    objects: BTreeMap<String, Vec<u8>>,
    is_locked: bool,
    /// What the log holds from here on: what was acknowledged is gone.
    complete_from: u64,
    acknowledged: Vec<u64>,
    /// Transactions that are not seen.
    staged: BTreeMap<u64, Vec<i128>>,
    /// What everybody sees.
    seen: Vec<i128>,
    last: u64,
    /// How many rows are seen behind each transaction.
    ends: BTreeMap<u64, usize>,
    /// Whether the sink takes back what was committed behind the checkpoint that is restored.
    takes_back: bool,
    /// What was done, in order.
    calls: Vec<String>,
    by_id: BTreeMap<i64, i128>,
}

#[derive(Clone, Debug, Default)]
struct Outside(Arc<Mutex<World>>);

#[derive(Debug, thiserror::Error)]
#[error("not now")]
struct NotNow;

impl Outside {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Another step; `false` where the process dies here.
    fn step(&self, call: &str) -> bool {
        let mut world = self.world();
        if world.has_crashed {
            return false;
        }
        world.steps += 1;
        world.calls.push(call.to_owned());
        world.has_crashed = world.crash_at == Some(world.steps);
        !world.has_crashed
    }

    /// A step of what is asynchronous.
    async fn pass(&self, call: &str) {
        if !self.step(call) {
            std::future::pending().await
        }
    }

    /// Fails now and then.
    fn chance(&self) -> Result<(), NotNow> {
        let mut world = self.world();
        let fails = world.fails;
        let has_failed = world.random.as_mut().is_some_and(|random| random.percent(fails));
        if has_failed { Err(NotNow) } else { Ok(()) }
    }

    fn step_io(&self, call: &str) -> io::Result<()> {
        if self.step(call) { Ok(()) } else { Err(io::Error::other("the process is dead")) }
    }
}

/// A storage in memory.
#[derive(Debug)]
struct Memory(Outside);

#[derive(Debug)]
struct Draft {
    outside: Outside,
    name: String,
    bytes: Vec<u8>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.world().is_locked = false;
    }
}

impl Storage for Memory {
    fn lock(&mut self) -> io::Result<bool> {
        Ok(!std::mem::replace(&mut self.0.world().is_locked, true))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let names = self.0.world().objects.keys().cloned().collect::<Vec<_>>();
        Ok(names
            .iter()
            .filter_map(|name| Some(name.strip_prefix(folder)?.strip_prefix('/')?.to_owned()))
            .collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.world().objects.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Object>> {
        self.0.step_io("create")?;
        Ok(Box::new(Draft { outside: self.0.clone(), name: name.to_owned(), bytes: Vec::new() }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.step_io("remove")?;
        self.0.world().objects.remove(name);
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Object for Draft {
    fn publish(self: Box<Self>) -> io::Result<()> {
        let Draft { outside, name, bytes } = *self;
        outside.step_io("publish")?;
        {
            let mut world = outside.world();
            if name.ends_with(".manifest") && world.failing_checkpoints > 0 {
                world.failing_checkpoints -= 1;
                return Err(io::Error::other("the disk is full"));
            }
            world.objects.insert(name, bytes);
        }
        outside.step_io("published")
    }
}

/// How many rows the log holds.
const ROWS: u64 = 60;

/// A log that forgets what was acknowledged, and says now and then that nothing is at hand.
struct Log {
    outside: Outside,
    clock: ManualClock,
    next: u64,
    has_paused: bool,
}

impl Source for Log {
    type Row = i64;
    type Position = u64;
    type Error = NotNow;

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<i64, NotNow>>> {
        assert!(self.next >= self.outside.world().complete_from, "what was acknowledged is asked for again");
        if self.next == ROWS {
            return Poll::Ready(None);
        }
        self.clock.advance(300.micros());
        // More rows than a batch holds come at once, or fewer.
        if !std::mem::replace(&mut self.has_paused, false) && matches!(self.next % 11, 0 | 3) {
            self.has_paused = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.outside.step("read") {
            return Poll::Pending;
        }
        self.next += 1;
        Poll::Ready(Some(Ok(i64::try_from(self.next - 1).expect("few rows"))))
    }

    fn position(&self) -> u64 {
        self.next
    }

    fn seek(&mut self, position: u64) {
        self.next = position;
    }

    fn poll_acknowledge(&mut self, _context: &mut Context<'_>, position: &u64) -> Poll<Result<(), NotNow>> {
        if !self.outside.step("acknowledge") {
            return Poll::Pending;
        }
        let mut world = self.outside.world();
        world.complete_from = world.complete_from.max(*position);
        world.acknowledged.push(*position);
        Poll::Ready(Ok(()))
    }
}

/// A sink that stages each transaction under its number.
struct Staging {
    outside: Outside,
    number: u64,
}

impl TransactionalSink for Staging {
    type Row = i128;
    type Transaction = u64;
    type Error = NotNow;

    async fn abort_unknown(&mut self, known: Known<'_, u64>) -> Result<u64, NotNow> {
        self.outside.pass("abort").await;
        let mut world = self.outside.world();
        world.staged.retain(|number, _| known.pending.contains(number));
        if known.is_new {
            (world.seen, world.last) = (Vec::new(), 0);
        }
        if world.takes_back && world.last >= known.next {
            world.last = known.next - 1;
            let rows = world.ends.get(&world.last).copied().unwrap_or(0);
            world.seen.truncate(rows);
        }
        Ok(world.last)
    }

    async fn begin(&mut self, number: u64) -> Result<(), NotNow> {
        self.outside.pass("begin").await;
        self.number = number;
        let before = self.outside.world().staged.insert(number, Vec::new());
        assert!(before.is_none(), "transaction {number} was not aborted");
        Ok(())
    }

    async fn write(&mut self, rows: Vec<i128>) -> Result<(), NotNow> {
        for row in rows {
            self.outside.pass("write").await;
            self.outside.world().staged.get_mut(&self.number).expect("it has begun").push(row);
        }
        Ok(())
    }

    async fn pre_commit(&mut self) -> Result<u64, NotNow> {
        self.outside.pass("pre_commit").await;
        Ok(self.number)
    }

    async fn commit(&mut self, number: &u64) -> Result<(), NotNow> {
        self.outside.pass("commit").await;
        self.outside.chance()?;
        {
            let mut world = self.outside.world();
            if *number > world.last {
                assert!(
                    *number == world.last + 1 || world.last == 0,
                    "transaction {number} is committed behind {}",
                    world.last
                );
                let rows = world.staged.remove(number).expect("it was staged");
                world.seen.extend(rows);
                world.last = *number;
                let rows = world.seen.len();
                world.ends.insert(*number, rows);
            }
        }
        self.outside.pass("committed").await;
        // It is done, and nobody learns of it.
        self.outside.chance()
    }
}

impl IdempotentSink for Staging {
    type Id = i64;
    type Row = (i64, i128);
    type Error = NotNow;

    async fn upsert(&mut self, rows: &[(i64, (i64, i128))]) -> Result<(), NotNow> {
        for (id, (_, sum)) in rows {
            self.outside.pass("upsert").await;
            self.outside.chance()?;
            self.outside.world().by_id.insert(*id, *sum);
        }
        Ok(())
    }
}

fn checkpoints(outside: &Outside) -> Checkpoints {
    Checkpoints::in_storage(Memory(outside.clone()), "memory")
        .every(2.millis())
        .tolerate_failures(9)
        .in_place()
}

/// Polls a run until it has ended or the process has died; `false` in the latter case.
fn live<T>(
    run: impl Future<Output = Result<T, streamweave::Error>>,
    outside: &Outside,
    clock: &ManualClock,
) -> Option<T> {
    let mut run = pin!(run);
    let mut idle = 0;
    loop {
        let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if outside.world().has_crashed {
            return None;
        }
        match polled {
            Poll::Ready(Ok(result)) => return Some(result),
            Poll::Ready(Err(error)) => panic!("{error}: {:?}", std::error::Error::source(&error)),
            Poll::Pending => {
                idle += 1;
                assert!(idle < 100_000, "it hangs: {:?}", outside.world().calls);
                if idle % 3 == 0 {
                    clock.jump();
                }
            }
        }
    }
}

/// A life of the process: sums of the rows so far go to the sink that commits.
fn live_transactional(outside: &Outside) -> bool {
    try_transactional(outside).unwrap_or_else(|error| panic!("{error}"))
}

fn try_transactional(outside: &Outside) -> Result<bool, streamweave::Error> {
    let clock = ManualClock::new();
    let log = Log { outside: outside.clone(), clock: clock.clone(), next: 0, has_paused: false };
    let staging = Staging { outside: outside.clone(), number: 0 };
    let run = graph! {
        #![durable = exactly_once]
        rows = from_source(log);
        sums = running_sum();
        rows -> filter(|row| row % 5 != 4) -> sums -> seen;
        seen = to_sink(staging).commit_retry(Retry::times(50).backoff(1.millis()).at_most(4.millis()));
    }
    .batch(4)
    .clock(clock.clone())
    .checkpoints(checkpoints(outside))
    .run();
    let ran = live(async { Ok(run.await.map(drop)) }, outside, &clock);
    ran.transpose().map(|ended| ended.is_some())
}

/// A world in which all was committed, and the checkpoints are those of an earlier moment.
fn gone_back() -> Outside {
    let outside = Outside::default();
    (outside.world().crash_at, outside.world().has_crashed) = (Some(100), false);
    assert!(!live_transactional(&outside), "it was killed on its way");
    let earlier = outside.world().objects.clone();
    let last = outside.world().last;
    live_on(&outside, live_transactional, || None);
    let mut world = outside.world();
    assert!(0 < last && last + 1 < world.last, "{last} and {} transactions", world.last);
    (world.objects, world.complete_from) = (earlier, 0);
    (world.steps, world.has_crashed, world.crash_at) = (0, false, None);
    world.acknowledged.clear();
    drop(world);
    outside
}

/// The same for a sink that deduplicates.
fn live_idempotent(outside: &Outside) -> bool {
    let clock = ManualClock::new();
    let log = Log { outside: outside.clone(), clock: clock.clone(), next: 0, has_paused: false };
    let staging = Staging { outside: outside.clone(), number: 0 };
    let run = graph! {
        #![durable = exactly_once]
        rows = from_source(log);
        sums = sum();
        rows -> key_by(|row| row % 7) -> sums -> map(|sum| (sum.key, sum.value)) -> seen;
        seen = to_idempotent_sink(|row| row.0, staging).write_retry(Retry::times(50).backoff(1.millis()));
    }
    .batch(4)
    .clock(clock.clone())
    .checkpoints(checkpoints(outside))
    .run();
    live(run, outside, &clock).is_some()
}

fn rows() -> impl Iterator<Item = i64> {
    0..i64::try_from(ROWS).expect("few rows")
}

fn sums() -> Vec<i128> {
    let kept = rows().filter(|row| row % 5 != 4);
    kept.scan(0, |sum, row| {
        *sum += i128::from(row);
        Some(*sum)
    })
    .collect()
}

/// Lives until a life comes to its end; each but the last dies at a step that `crash` gives.
fn live_on(outside: &Outside, life: fn(&Outside) -> bool, mut crash: impl FnMut() -> Option<u64>) -> u32 {
    let mut lives = 0;
    loop {
        lives += 1;
        assert!(lives < 1_000, "it does not get on: {:?}", outside.world().calls);
        {
            let mut world = outside.world();
            (world.steps, world.has_crashed, world.crash_at) = (0, false, crash());
        }
        if life(outside) {
            return lives;
        }
    }
}

fn assert_committed(outside: &Outside, at: &str) {
    let world = outside.world();
    assert_eq!(world.seen, sums(), "{at}");
    assert!(world.staged.is_empty(), "{at}: {:?} is left", world.staged);
    assert_eq!(world.complete_from, ROWS, "{at}: all is acknowledged in the end");
}

#[test]
fn h6_a_crash_at_any_step_and_another_one_later_leaves_each_row_once() {
    let outside = Outside::default();
    assert_eq!(live_on(&outside, live_transactional, || None), 1);
    assert_committed(&outside, "without a crash");
    let steps = outside.world().steps;
    assert!(steps > 120, "there is something to be killed in: {steps} steps");
    for first in 1..=steps {
        let outside = Outside::default();
        let mut random = Random::new(first);
        let mut crashes = vec![random.below(steps) + 1, first];
        live_on(&outside, live_transactional, || crashes.pop());
        assert_committed(&outside, &format!("killed at step {first}"));
    }
}

#[test]
fn h6_crashes_at_many_steps_with_commits_and_checkpoints_that_fail_in_passing() {
    for seed in 0..150 {
        let outside = Outside::default();
        let mut random = Random::new(seed);
        {
            let mut world = outside.world();
            (world.fails, world.random) = (20, Some(Random::new(seed)));
            world.failing_checkpoints = u32::try_from(seed % 4).expect("few");
        }
        let mut crashes = 12;
        live_on(&outside, live_transactional, || {
            crashes -= 1;
            (crashes > 0).then(|| random.below(60) + 1)
        });
        assert_committed(&outside, &format!("seed {seed}"));
    }
}

#[test]
fn h6_rows_under_ids_are_what_they_would_be() {
    let mut expected = BTreeMap::<i64, i128>::new();
    rows().for_each(|row| *expected.entry(row % 7).or_default() += i128::from(row));
    for seed in 0..150 {
        let outside = Outside::default();
        let mut random = Random::new(seed);
        (outside.world().fails, outside.world().random) = (5, Some(Random::new(seed)));
        let mut crashes = 12;
        live_on(&outside, live_idempotent, || {
            crashes -= 1;
            (crashes > 0).then(|| random.below(60) + 1)
        });
        assert_eq!(outside.world().by_id, expected, "seed {seed}");
    }
}

#[test]
fn h7_after_a_checkpoint_that_failed_both_transactions_are_committed_with_the_next() {
    let outside = Outside::default();
    outside.world().failing_checkpoints = 1;
    live_on(&outside, live_transactional, || None);
    assert_committed(&outside, "a checkpoint failed");
    let world = outside.world();
    let told: Vec<&str> = world.calls.iter().map(String::as_str).collect();
    let told: Vec<&str> = told.into_iter().filter(|call| matches!(*call, "pre_commit" | "commit")).collect();
    assert_eq!(told[..4], ["pre_commit", "pre_commit", "commit", "commit"]);
}

#[test]
fn h6_an_older_checkpoint_is_refused_where_rows_were_committed_behind_it() {
    let outside = gone_back();
    let seen = outside.world().seen.clone();
    // It stays refused: nothing was removed.
    for _ in 0..2 {
        let error = try_transactional(&outside).expect_err("the rows would come again");
        assert!(error.to_string().starts_with("node `seen`: the transactions up to "), "{error}");
        assert_eq!(outside.world().seen, seen);
    }
}

#[test]
fn h6_an_older_checkpoint_is_gone_on_from_where_the_sink_takes_back_what_was_committed_behind_it() {
    let outside = gone_back();
    outside.world().takes_back = true;
    live_on(&outside, live_transactional, || None);
    assert_committed(&outside, "gone back");
}

#[test]
fn h7_a_stretch_without_rows_costs_no_call() {
    let outside = Outside::default();
    let clock = ManualClock::new();
    let log = Log { outside: outside.clone(), clock: clock.clone(), next: 0, has_paused: false };
    let staging = Staging { outside: outside.clone(), number: 0 };
    let run = graph! {
        #![durable = exactly_once]
        rows = from_source(log);
        rows -> filter(|_| false) -> map(i128::from) -> seen;
        seen = to_sink(staging);
    }
    .clock(clock.clone())
    .checkpoints(checkpoints(&outside))
    .run();
    assert!(live(run, &outside, &clock).is_some());
    let world = outside.world();
    let touched = ["begin", "write", "pre_commit", "commit"];
    assert!(!world.calls.iter().any(|call| touched.contains(&&**call)), "{:?}", world.calls);
    assert!(world.acknowledged.len() > 3, "there were checkpoints");
}

#[test]
fn h8_a_position_is_acknowledged_only_once_its_checkpoint_is_durable() {
    let outside = Outside::default();
    live_on(&outside, live_transactional, || None);
    let world = outside.world();
    let mut published = 0;
    for call in &world.calls {
        match &**call {
            "published" => published += 1,
            "acknowledge" => assert!(published > 0),
            _ => {}
        }
    }
    let mut sorted = world.acknowledged.clone();
    sorted.sort_unstable();
    assert_eq!(world.acknowledged, sorted);
    assert_eq!(world.acknowledged.last(), Some(&ROWS));
}

#[test]
fn h7_a_commit_that_fails_for_good_ends_the_run_and_the_restart_commits_it() {
    let outside = Outside::default();
    (outside.world().fails, outside.world().random) = (100, Some(Random::new(1)));
    let clock = ManualClock::new();
    let log = Log { outside: outside.clone(), clock: clock.clone(), next: 0, has_paused: false };
    let staging = Staging { outside: outside.clone(), number: 0 };
    let run = graph! {
        #![durable = exactly_once]
        rows = from_source(log);
        sums = running_sum();
        rows -> filter(|row| row % 5 != 4) -> sums -> seen;
        seen = to_sink(staging).commit_retry(Retry::times(2).backoff(1.millis()));
    }
    .clock(clock.clone())
    .checkpoints(checkpoints(&outside))
    .run();
    let mut run = Box::pin(run);
    let failed = loop {
        match run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => break ended.expect_err("nothing can be committed"),
            Poll::Pending => drop(clock.jump()),
        }
    };
    drop(run);
    assert_eq!(failed.to_string(), "node `seen`: not now");
    assert_eq!(outside.world().calls.iter().filter(|call| *call == "commit").count(), 3);
    assert!(outside.world().seen.is_empty());
    outside.world().fails = 0;
    live_on(&outside, live_transactional, || None);
    assert_committed(&outside, "after the restart");
}
