//! A durable graph that crashes, again and again.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use super::storage::SimulatedStorage;
use super::world::{Faults, Lived, World};
use crate::checkpoint::Checkpoints;
use crate::executor::{Command, Graph, Guarantee, Reply, Yielded};
use crate::state::Chance;
use crate::time::{Clock, Units};

/// After so many lives nothing fails any more, and the graph comes to its end.
const LIVES: u64 = 40;

/// A durable graph that crashes at steps that are drawn from seeds, or at every step, and is started again until it has come to its end. What it
/// has written then, and yields, is compared with what it writes and yields without a crash: the same if every row counts once.
///
/// The graph is given its checkpoints by the test. It reads and writes through a [`World`], and tells nobody else of a row; a
/// file sink may stand in it too, whose file [`result`](CrashTest::result) reads.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::testing::CrashTest;
/// use streamweave::testing::simulation::{replayed, transactions};
///
/// let mut test = CrashTest::new(|world| {
///     graph! {
///         #![durable = exactly_once]
///         numbers = replayed(world, 0..50_u64);
///         sum     = running_sum();
///         numbers -> sum -> sums;
///         sums    = transactions(world, "sums");
///     }
/// });
/// let survived = test.seeds(0..20);
/// assert!(survived.crashes > 20);
/// ```
pub struct CrashTest<B, R> {
    build: B,
    checkpoints: Box<dyn FnMut(SimulatedStorage) -> Checkpoints>,
    result: Box<dyn FnMut(R) -> String>,
    is_exact: bool,
    is_ordered: bool,
    faults: Faults,
    crashes: u64,
    /// What comes out without a crash, and how many steps that takes.
    expected: Option<(Outcome, u64)>,
}

impl<B, R> fmt::Debug for CrashTest<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashTest").field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// How much a graph has survived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survived {
    /// How many times it came to its end.
    pub runs: u64,
    /// How many times it crashed.
    pub crashes: u64,
    /// How many times it ended with an error that was drawn, and was started again.
    pub failures: u64,
}

impl AddAssign for Survived {
    fn add_assign(&mut self, other: Survived) {
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.failures += other.failures;
    }
}

/// What a graph did not survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// With which seed.
    pub seed: u64,
    /// The steps at which it crashed, life by life.
    pub crashed_at: Vec<u64>,
    /// How what it has written differs from what it should.
    pub difference: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "with seed {}, crashed at steps {:?}: {}", self.seed, self.crashed_at, self.difference)
    }
}

/// What was written, by table, and what was yielded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    tables: BTreeMap<String, Vec<String>>,
    result: String,
}

/// Where a run is to crash.
#[derive(Clone, Copy)]
enum Plan {
    Never,
    Drawn,
    /// Once, at this step of its first life.
    At(u64),
}

impl<B, F, R, C, G> CrashTest<B, R>
where
    B: FnMut(&World) -> Graph<F, R, C, G>,
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    R: Yielded,
    C: Clock,
    G: Guarantee,
{
    /// A test of the graph that `build` builds, for each life anew. Some of everything fails in it, it crashes up to four times a run, and
    /// takes a checkpoint every twenty milliseconds, by a clock that jumps.
    pub fn new(build: B) -> Self {
        CrashTest {
            build,
            checkpoints: Box::new(|storage| Checkpoints::in_storage(storage, "simulated").every(20.millis())),
            result: Box::new(|_| String::new()),
            is_exact: true,
            is_ordered: true,
            faults: Faults::SOME,
            crashes: 4,
            expected: None,
        }
    }

    /// Lets rows come several times, as long as none is missing and none is there that would not be there without a crash.
    pub fn at_least_once(self) -> Self {
        CrashTest { is_exact: false, ..self }
    }

    /// Lets the rows of a table come in any order: where sources take turns, for one.
    pub fn in_any_order(self) -> Self {
        CrashTest { is_ordered: false, ..self }
    }

    /// How often what fails.
    pub fn faults(self, faults: Faults) -> Self {
        CrashTest { faults, ..self }
    }

    /// The checkpoints that the graph is given; a storage around this one lies, if it is to be found out.
    pub fn checkpoints(self, checkpoints: impl FnMut(SimulatedStorage) -> Checkpoints + 'static) -> Self {
        CrashTest { checkpoints: Box::new(checkpoints), ..self }
    }

    /// What the graph yields, and what is in files that it wrote, is compared, too.
    pub fn result<O: fmt::Debug>(self, mut result: impl FnMut(R) -> O + 'static) -> Self {
        CrashTest { result: Box::new(move |yielded| format!("{:?}", result(yielded))), ..self }
    }

    /// Runs the graph once for each seed.
    ///
    /// # Panics
    ///
    /// It does not survive one; the panic says which, and what is different.
    #[track_caller]
    pub fn seeds(&mut self, seeds: impl IntoIterator<Item = u64>) -> Survived {
        let mut survived = Survived::default();
        for seed in seeds {
            match self.run(seed, Plan::Drawn) {
                Ok(more) => survived += more,
                Err(found) => panic!("{found}"),
            }
        }
        survived
    }

    /// The first seed that it does not survive.
    pub fn find(&mut self, seeds: impl IntoIterator<Item = u64>) -> Option<Found> {
        seeds.into_iter().find_map(|seed| self.run(seed, Plan::Drawn).err())
    }

    /// Runs the graph once for each of its steps, and lets it crash there (rule H6).
    ///
    /// # Panics
    ///
    /// It does not survive one.
    #[track_caller]
    pub fn every_step(&mut self, seed: u64) -> Survived {
        let mut survived = Survived::default();
        for step in 1.. {
            match self.run(seed, Plan::At(step)) {
                // It ended before it came there.
                Ok(Survived { crashes: 0, .. }) => break,
                Ok(more) => survived += more,
                Err(found) => panic!("{found}"),
            }
        }
        survived
    }

    fn run(&mut self, seed: u64, plan: Plan) -> Result<Survived, Found> {
        let (expected, steps) = match self.expected.clone() {
            Some(expected) => expected,
            None => {
                let (outcome, _, steps) =
                    self.live_on(seed, Plan::Never, 0, &mut Vec::new()).map_err(|difference| Found {
                        seed,
                        crashed_at: Vec::new(),
                        difference: format!("without a crash: {difference}"),
                    })?;
                self.expected.insert((outcome, steps)).clone()
            }
        };
        let mut crashed_at = Vec::new();
        let lived = self.live_on(seed, plan, steps, &mut crashed_at);
        let found = |difference| Found { seed, crashed_at: crashed_at.clone(), difference };
        let (outcome, survived, _) = lived.map_err(found)?;
        self.compare(&expected, &outcome).map_or(Ok(survived), |difference| Err(found(difference)))
    }

    /// One life after the other, until the graph has come to its end.
    fn live_on(
        &mut self,
        seed: u64,
        plan: Plan,
        steps: u64,
        crashed_at: &mut Vec<u64>,
    ) -> Result<(Outcome, Survived, u64), String> {
        let world = World::new(seed);
        let mut chance = Chance(!seed);
        let mut survived = Survived { runs: 1, ..Survived::default() };
        let mut total = 0;
        for life in 0.. {
            world.fail(if matches!(plan, Plan::Never) || life > LIVES { Faults::NONE } else { self.faults });
            match plan {
                Plan::Drawn if survived.crashes < self.crashes => {
                    world.crash_at(1 + chance.below(usize::try_from(steps).unwrap_or(1)) as u64);
                }
                Plan::At(step) if life == 0 => world.crash_at(step),
                _ => {}
            }
            let mut checkpoints = (self.checkpoints)(world.storage());
            (checkpoints.in_place, checkpoints.slice) = (true, 1 + chance.below(6));
            let graph = (self.build)(&world).checkpoints(checkpoints).batch(1 + chance.below(12));
            match world.run(graph, chance.draw()) {
                Lived::Ended(result) => {
                    let outcome = Outcome { tables: world.tables(), result: (self.result)(result) };
                    if let Some(wrong) = world.wrong() {
                        return Err(wrong);
                    }
                    total += world.steps();
                    return Ok((outcome, survived, total));
                }
                Lived::Crashed => {
                    survived.crashes += 1;
                    crashed_at.push(world.steps());
                }
                Lived::Failed(error) if self.faults.storage == 0 || life > LIVES => {
                    return Err(error.to_string());
                }
                Lived::Failed(_) => survived.failures += 1,
            }
            total += world.steps();
            world.restart();
        }
        unreachable!("a life without crashes and faults comes to its end, or fails")
    }

    /// What is different from what is expected.
    fn compare(&self, expected: &Outcome, found: &Outcome) -> Option<String> {
        if expected.result != found.result {
            return Some(format!("it yields {}, expected {}", found.result, expected.result));
        }
        let names = expected.tables.keys().chain(found.tables.keys());
        names.into_iter().find_map(|name| {
            let rows = |outcome: &Outcome| outcome.tables.get(name).cloned().unwrap_or_default();
            let (mut expected, mut found) = (rows(expected), rows(found));
            if !self.is_ordered || !self.is_exact {
                expected.sort_unstable();
                found.sort_unstable();
            }
            let all = found.clone();
            if !self.is_exact {
                remove_more(&mut found, &expected);
            }
            (expected != found).then(|| difference(name, &expected, &all))
        })
    }
}

/// Removes rows that are there more often than expected, both being sorted.
fn remove_more(found: &mut Vec<String>, expected: &[String]) {
    let counts = |rows: &[String]| {
        let mut counts = BTreeMap::new();
        rows.iter().for_each(|row| *counts.entry(row.clone()).or_insert(0_usize) += 1);
        counts
    };
    let mut left = counts(expected);
    found.retain(|row| match left.get_mut(row) {
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
        None => true,
    });
}

fn difference(table: &str, expected: &[String], found: &[String]) -> String {
    let at = expected.iter().zip(found).take_while(|(expected, found)| expected == found).count();
    let row = |rows: &[String]| rows.get(at).cloned().unwrap_or_else(|| "the end".to_owned());
    format!(
        "table `{table}` has {} rows, expected {}; row {at} is {}, expected {}",
        found.len(),
        expected.len(),
        row(found),
        row(expected)
    )
}
