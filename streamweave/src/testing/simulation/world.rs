//! What is outside of a graph under test, and goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::storage::SimulatedStorage;
use crate::executor::{Command, Graph, Reply, Yielded};
use crate::graph::Error;
use crate::state::Chance;
use crate::testing::driven::Driven;
use crate::time::{Clock, ManualClock, TimeDelta};

/// What is outside of a graph under test: a storage for its checkpoints, tables that its sinks write to, a clock.
///
/// All clones are one world. It outlives the graph: a graph that [crashes](World::crash_at) is dropped, the world [goes on](World::restart)
/// with what was durable, and the graph is built anew. Of a graph that has crashed nothing reaches the world any more.
///
/// Everything that touches the world is a *step*: each operation of the storage, each attempt of a sink, each batch. A crash comes at a step,
/// so that there is none between two effects that could not be hit. The same seed gives the same world.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use streamweave::checkpoint::Storage;
/// use streamweave::testing::World;
///
/// let world = World::new(7);
/// let storage = world.storage();
/// world.crash_at(3);
/// let mut object = storage.create("folder/name")?;
/// object.write_all(b"lost")?;
/// assert!(object.publish().is_err() && world.is_crashed());
/// world.restart();
/// assert!(world.storage().list("folder")?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct World(Arc<Mutex<Outside>>);

/// How a life of a graph ended.
#[derive(Debug)]
pub enum Lived<R> {
    /// It came to its end.
    Ended(R),
    /// It crashed at the step at which it was told to.
    Crashed,
    /// It failed.
    Failed(Error),
}

/// How often something fails that may fail: one time in so many, never where it is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// An operation of the storage.
    pub storage: usize,
    /// An attempt to prepare or to commit a transaction; it has to be made again.
    pub transactions: usize,
    /// A source has nothing at hand for a while.
    pub pauses: usize,
}

impl Faults {
    /// Nothing fails.
    pub const NONE: Faults = Faults { storage: 0, transactions: 0, pauses: 0 };

    /// Some of everything, and not so much that nothing gets done.
    pub const SOME: Faults = Faults { storage: 40, transactions: 4, pauses: 8 };
}

#[derive(Debug)]
pub(super) struct Outside {
    chance: Chance,
    clock: ManualClock,
    /// How often it was started again: what belongs to an earlier life is dead.
    life: u64,
    /// How many steps there were in this life.
    steps: u64,
    crash_at: Option<u64>,
    is_crashed: bool,
    faults: Faults,
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    /// How many bytes the storage holds at most.
    pub(super) space: Option<usize>,
    /// So many operations of the storage that write are to fail.
    pub(super) failing: u32,
    /// Who has the storage for itself.
    pub(super) locked_by: Option<u64>,
    handles: u64,
    pub(super) tables: BTreeMap<String, Table>,
    wrong: Option<String>,
}

/// Rows that others see, and transactions that they do not see yet.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<String>,
    pub(super) prepared: BTreeMap<u64, Vec<String>>,
    committed: BTreeSet<u64>,
}

impl World {
    /// A world whose chances are drawn from this seed. Nothing fails in it until it is told to.
    pub fn new(seed: u64) -> Self {
        World(Arc::new(Mutex::new(Outside {
            chance: Chance(seed),
            clock: ManualClock::new(),
            life: 0,
            steps: 0,
            crash_at: None,
            is_crashed: false,
            faults: Faults::NONE,
            objects: BTreeMap::new(),
            space: None,
            failing: 0,
            locked_by: None,
            handles: 0,
            tables: BTreeMap::new(),
            wrong: None,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Outside> {
        // Whoever panicked, what is in here is as it was between two steps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The storage, for a graph's checkpoints: each call gives another handle to the same.
    pub fn storage(&self) -> SimulatedStorage {
        SimulatedStorage::new(self.part())
    }

    /// The clock of the world.
    pub fn clock(&self) -> ManualClock {
        self.lock().clock.clone()
    }

    /// Lets things fail from now on.
    pub fn fail(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Lets the graph crash at this step of its life, counted from 1.
    pub fn crash_at(&self, step: u64) {
        self.lock().crash_at = Some(step);
    }

    /// Whether the graph has crashed.
    pub fn is_crashed(&self) -> bool {
        self.lock().is_crashed
    }

    /// How many steps there were in this life.
    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Begins another life: what was not durable is lost, and so are locks.
    pub fn restart(&self) {
        let mut outside = self.lock();
        outside.life += 1;
        outside.steps = 0;
        outside.crash_at = None;
        outside.is_crashed = false;
        outside.locked_by = None;
    }

    /// Runs a graph in this world, alone on this thread, until it ends or crashes; chances are drawn from the seed. A checkpoint that it takes
    /// has to be written [in place](crate::checkpoint::Checkpoints::in_place).
    ///
    /// # Panics
    ///
    /// Where the graph waits for something that is neither the clock nor its own.
    pub fn run<F, R, C, G>(&self, graph: Graph<F, R, C, G>, seed: u64) -> Lived<R>
    where
        F: FnMut(Command<'_, '_, '_, R>) -> Reply,
        R: Yielded,
        C: Clock,
    {
        let mut driven = Driven::new(graph.seed(seed), self.clock());
        // A graph that only ever waits for its next checkpoint waits for nothing.
        for _ in 0..100_000 {
            driven.settle_while(|| self.batch());
            if self.is_crashed() {
                return Lived::Crashed;
            }
            match driven.ended.take() {
                Some(Ok(())) => return Lived::Ended(driven.worker.finish()),
                Some(Err(error)) => return Lived::Failed(error),
                None if self.clock().jump() => {}
                None => break,
            }
        }
        panic!("the graph waits for something that is not the clock: {}", driven.worker.holding())
    }

    /// The rows of a table that others see, as `Debug` shows them, in the order in which they were committed.
    pub fn committed(&self, table: &str) -> Vec<String> {
        self.lock().tables.get(table).map(|table| table.rows.clone()).unwrap_or_default()
    }

    /// All tables and their rows.
    pub(super) fn tables(&self) -> BTreeMap<String, Vec<String>> {
        self.lock().tables.iter().map(|(name, table)| (name.clone(), table.rows.clone())).collect()
    }

    /// What was done that is wrong whatever the outcome.
    pub(super) fn wrong(&self) -> Option<String> {
        self.lock().wrong.clone()
    }

    /// What a part of a graph holds of the world.
    pub(super) fn part(&self) -> PartOfWorld {
        let mut outside = self.lock();
        outside.handles += 1;
        PartOfWorld { world: self.clone(), life: outside.life, number: outside.handles }
    }

    /// A batch, or whatever else the worker does; whether the graph lives on. Time passes.
    fn batch(&self) -> bool {
        let mut outside = self.lock();
        let lives = outside.step();
        let micros = outside.chance.below(3_000);
        let clock = outside.clock.clone();
        drop(outside);
        clock.advance(TimeDelta::from_micros(i64::try_from(micros).unwrap_or(0)));
        lives
    }
}

impl Outside {
    /// One step; whether it does not crash in it, or before.
    fn step(&mut self) -> bool {
        if !self.is_crashed {
            self.steps += 1;
            self.is_crashed = self.crash_at == Some(self.steps);
        }
        !self.is_crashed
    }

    pub(super) fn draw(&mut self, below: usize) -> usize {
        self.chance.below(below)
    }

    /// Whether this time it fails, what fails one time in so many.
    fn fails(&mut self, one_in: usize) -> bool {
        one_in > 0 && self.chance.below(one_in) == 0
    }

    pub(super) fn storage_fails(&mut self) -> bool {
        self.fails(self.faults.storage)
    }

    pub(super) fn transaction_fails(&mut self) -> bool {
        self.fails(self.faults.transactions)
    }

    pub(super) fn pauses(&mut self) -> bool {
        self.fails(self.faults.pauses)
    }

    pub(super) fn table(&mut self, name: &str) -> &mut Table {
        if !self.tables.contains_key(name) {
            self.tables.insert(name.to_owned(), Table::default());
        }
        self.tables.get_mut(name).expect("it is there now")
    }

    /// Shows a transaction that was prepared; that it was shown already is no error.
    pub(super) fn commit(&mut self, name: &str, transaction: u64) {
        let table = self.table(name);
        match table.prepared.remove(&transaction) {
            Some(rows) => {
                table.rows.extend(rows);
                table.committed.insert(transaction);
            }
            None if table.committed.contains(&transaction) => {}
            None => {
                let wrong = format!(
                    "transaction {transaction} of `{name}` is to be committed and was never prepared"
                );
                self.wrong.get_or_insert(wrong);
            }
        }
    }
}

/// What a part of a graph holds of the world: its life ends with the graph's.
#[derive(Debug)]
pub(super) struct PartOfWorld {
    world: World,
    life: u64,
    pub(super) number: u64,
}

impl PartOfWorld {
    /// One step; the world, unless the graph is dead, or dies in it.
    pub(super) fn step(&self) -> io::Result<MutexGuard<'_, Outside>> {
        let mut outside = self.world.lock();
        if outside.life == self.life && outside.step() { Ok(outside) } else { Err(crashed()) }
    }

    /// The world without a step.
    pub(super) fn look(&self) -> MutexGuard<'_, Outside> {
        self.world.lock()
    }

    /// Another one, of the same life.
    pub(super) fn another(&self) -> PartOfWorld {
        PartOfWorld { life: self.life, ..self.world.part() }
    }
}

fn crashed() -> io::Error {
    io::Error::other("the process has crashed")
}
