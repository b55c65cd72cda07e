//! Durable graphs that crash at steps drawn from seeds, and are started again: what is committed in the end is what would have been without
//! a crash (rules H6, H7, H8, A14).
//!
//! 500 seeds for each graph; more by `STREAMWEAVE_CRASH_SEEDS=10000 cargo test --release -p streamweave-tests --test crash_simulation`.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use streamweave::checkpoint::{Checkpoints, Object, Storage};
use streamweave::envelope::{Message, Update};
use streamweave::lines;
use streamweave::prelude::*;
use streamweave::state::Map;
use streamweave::testing::CrashTest;
use streamweave::testing::simulation::{
    Faults, SimulatedStorage, Survived, appended, replayed, replayed_messages, transactions,
};
use streamweave::time::Frontier;
use streamweave_tests::random::Random;

/// How many seeds each graph is run with.
fn seeds() -> std::ops::Range<u64> {
    let seeds = std::env::var("STREAMWEAVE_CRASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    0..seeds.unwrap_or(500)
}

/// That many crashes there were, and failures: a simulation in which nothing happens proves nothing.
#[track_caller]
fn assert_hard(survived: Survived) {
    println!("{survived:?}");
    assert!(survived.crashes > survived.runs && survived.failures > survived.runs / 50, "{survived:?}");
}

/// Rows of a few keys.
fn rows(seed: u64, many: usize) -> Vec<(u64, i64)> {
    let mut random = Random::new(seed);
    (0..many).map(|_| (random.below(9), random.below(1_000) as i64 - 500)).collect()
}

/// The balance of each account; an account that is back at nothing, or below, is closed.
#[derive(Default, State)]
struct Accounts {
    #[state]
    balances: Map<u64, i64>,
    #[state]
    closed: u64,
}

#[node]
impl Accounts {
    fn on_booking(&mut self, (account, amount): (u64, i64), out: &mut Out<(u64, i64, u64)>) {
        let balance = self.balances.entry(account, || 1_000);
        *balance += amount;
        let after = *balance;
        if after <= 0 {
            self.balances.remove(&account);
            self.closed += 1;
        }
        out.send((account, after, self.closed));
    }
}

#[test]
fn h6_keyed_state_in_a_node() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            bookings = replayed(world, rows(1, 90));
            accounts = Accounts(Accounts::default());
            bookings -> accounts.booking;
            accounts -> balances;
            balances = transactions(world, "balances");
        }
    });
    assert_hard(test.seeds(seeds()));
}

/// Counts by key in two maps that change places, and are replaced.
#[derive(Default, State)]
struct Halves {
    #[state]
    rows: u64,
    #[state]
    now: Map<u64, u64>,
    #[state]
    before: Map<u64, u64>,
}

#[node]
impl Halves {
    fn on_row(&mut self, row: (u64, i64), out: &mut Out<(u64, Option<u64>, usize)>) {
        self.rows += 1;
        if self.rows % 5 == 0 {
            std::mem::swap(&mut self.now, &mut self.before);
        }
        if self.rows % 13 == 0 {
            self.now = Map::new();
        }
        if self.rows % 31 == 0 {
            self.before = self.now.clone();
        }
        *self.now.entry(row.0, || 0) += 1;
        out.send((row.0, self.before.get(&row.0).copied(), self.now.len()));
    }
}

#[test]
fn h6_maps_that_change_places_and_are_replaced() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            rows   = replayed(world, rows(7, 90));
            halves = Halves(Halves::default());
            rows -> halves.row;
            halves -> counts;
            counts = transactions(world, "counts");
        }
    });
    assert_hard(test.seeds(seeds()));
}

#[test]
fn h6_running_counts_to_two_sinks() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            words   = replayed(world, rows(2, 70));
            counted = count();
            words -> key_by(|row| row.0) -> counted -> map(|row| (row.key, row.value)) -> [all, even];
            even = filter(|row: &(u64, u64)| row.1 % 2 == 0);
            even -> evens;
            all   = transactions(world, "all");
            evens = transactions(world, "evens");
        }
    });
    assert_hard(test.seeds(seeds()));
}

/// Each with how many there were of its own source before it.
#[derive(Default, State)]
struct Tally {
    #[state]
    left: u64,
    #[state]
    right: u64,
}

#[node]
impl Tally {
    fn on_left(&mut self, row: u64, out: &mut Out<(char, u64, u64)>) {
        self.left += 1;
        out.send(('l', row, self.left));
    }

    fn on_right(&mut self, row: u64, out: &mut Out<(char, u64, u64)>) {
        self.right += 1;
        out.send(('r', row, self.right));
    }
}

#[test]
fn h6_two_sources_of_which_one_ends_early() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            short = replayed(world, 0..7_u64);
            long  = replayed(world, 100..160_u64);
            tally = Tally(Tally::default());
            short -> tally.left;
            long -> tally.right;
            tally -> tallied;
            [short, long] -> running_count() -> counted;
            tallied = transactions(world, "tallied");
            counted = transactions(world, "counted");
        }
    })
    .in_any_order();
    assert_hard(test.seeds(seeds()));
}

/// What comes within ten microseconds of the first, summed up when a timer says that no more comes; what is late is counted.
#[derive(Default, State)]
struct Bursts {
    #[state]
    open: Map<i64, i64>,
    #[state]
    fired: u64,
}

#[node]
impl Bursts {
    fn on_row(&mut self, row: Timed<i64>, out: &mut Out<(i64, i64, u64)>, cx: &Cx) {
        let start = row.time.micros().div_euclid(10) * 10;
        let end = EventTime::from_micros(start + 9);
        if cx.frontier().closes(&end) {
            out.send((start, -row.data, self.fired));
            return;
        }
        *self.open.entry(start, || 0) += row.data;
        cx.set_timer(end);
    }

    fn on_timer(&mut self, time: EventTime, out: &mut Out<(i64, i64, u64)>) {
        self.fired += 1;
        let start = time.micros() - 9;
        let sum = self.open.remove(&start).unwrap_or(0);
        out.send((start, sum, self.fired));
    }
}

#[test]
fn a14_h4_h6_timers_and_late_rows() {
    let mut test = CrashTest::new(|world| {
        let mut random = Random::new(5);
        let messages = (0..80_i64).flat_map(move |row| {
            let time = EventTime::from_micros(row * 2 - random.below(18) as i64);
            let frontier = EventTime::from_micros(row * 2 - 5);
            [Message::Row(Update { data: row, time, diff: () }), Message::Frontier(Frontier::at(frontier))]
        });
        graph! {
            #![durable = exactly_once]
            times  = replayed_messages(world, messages);
            bursts = Bursts(Bursts::default());
            times -> bursts.row;
            bursts -> sums;
            sums = transactions(world, "sums");
        }
    });
    assert_hard(test.seeds(seeds()));
}

#[test]
fn h6_what_the_graph_yields_and_files() {
    let path = std::env::temp_dir().join(format!("streamweave-crash-simulation-{}", std::process::id()));
    let file = path.clone();
    let read = path.clone();
    let mut test = CrashTest::new(move |world| {
        let path = file.clone();
        graph! {
            #![durable = exactly_once]
            rows = replayed(world, rows(3, 60));
            sums = running_sum();
            rows -> map(|row| row.1) -> sums -> [text, last, all];
            text = map(|sum: i128| sum.to_string());
            text -> lines;
            lines = lines::write(path);
            last  = last();
            all   = collect();
        }
    })
    // More failures in fewer seeds.
    .faults(Faults { storage: 10, ..Faults::SOME })
    .result(move |yielded| {
        let lines = std::fs::read_to_string(&read).expect("the sink has written it");
        (yielded.lines, yielded.last, yielded.all, lines)
    });
    // A file is synced for each checkpoint: fewer seeds take as long as many elsewhere.
    let seeds = seeds().end / 10;
    assert_hard(test.seeds(0..seeds));
    std::fs::remove_file(path).expect("the sink has written it");
}

#[test]
fn h6_at_least_once_loses_nothing_and_brings_nothing_new() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable]
            rows    = replayed(world, rows(4, 70));
            counted = count();
            rows -> key_by(|row| row.0) -> counted -> map(|row| (row.key, row.value)) -> counts;
            counts = appended(world, "counts");
        }
    })
    .at_least_once();
    assert_hard(test.seeds(seeds()));
}

#[test]
fn h6_a_crash_at_each_of_two_hundred_steps() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            bookings = replayed(world, rows(6, 40));
            accounts = Accounts(Accounts::default());
            bookings -> accounts.booking;
            accounts -> [balances, count];
            count    = running_count();
            count -> counts;
            balances = transactions(world, "balances");
            counts   = transactions(world, "counts");
        }
    })
    .faults(Faults { storage: 0, ..Faults::SOME })
    .checkpoints(|storage| Checkpoints::in_storage(storage, "simulated").every(10.millis()).keep(1));
    let mut points = 0;
    for seed in 0..4 {
        points += test.every_step(seed).crashes;
    }
    println!("{points} points");
    assert!(points >= 200, "{points}");
}

/// A storage that says of each object that it is published, and publishes it when the next one is begun.
#[derive(Debug)]
struct Hasty {
    storage: SimulatedStorage,
    held: Arc<Mutex<VecDeque<Box<dyn Object>>>>,
}

#[derive(Debug)]
struct HastyObject {
    object: Box<dyn Object>,
    held: Arc<Mutex<VecDeque<Box<dyn Object>>>>,
}

impl Hasty {
    fn catch_up(&self) -> io::Result<()> {
        let held: Vec<_> = self.held.lock().expect("nobody panics in here").drain(..).collect();
        held.into_iter().try_for_each(Object::publish)
    }
}

impl Storage for Hasty {
    fn lock(&mut self) -> io::Result<bool> {
        self.storage.lock()
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.catch_up()?;
        self.storage.list(folder)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.catch_up()?;
        self.storage.read(name)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Object>> {
        self.catch_up()?;
        Ok(Box::new(HastyObject { object: self.storage.create(name)?, held: Arc::clone(&self.held) }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.catch_up()?;
        self.storage.remove(name)
    }
}

impl Write for HastyObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.object.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.object.flush()
    }
}

impl Object for HastyObject {
    fn publish(self: Box<Self>) -> io::Result<()> {
        self.held.lock().expect("nobody panics in here").push_back(self.object);
        Ok(())
    }
}

#[test]
fn planted_bug_commit_before_the_manifest_is_durable_is_found() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            rows = replayed(world, 0..60_u64);
            rows -> running_count() -> counts;
            counts = transactions(world, "counts");
        }
    })
    .faults(Faults { storage: 0, ..Faults::SOME })
    .checkpoints(|storage| {
        let hasty = Hasty { storage, held: Arc::default() };
        Checkpoints::in_storage(hasty, "hasty").every(20.millis())
    });
    let found = test.find(0..100).expect("the simulation finds it");
    println!("{found}");
    assert!(!found.crashed_at.is_empty());
}
