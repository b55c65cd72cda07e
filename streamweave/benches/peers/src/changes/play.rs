//! What playing a script takes.
//!
//! Each batch is timed by itself: its latency by the clock, its cost by the process's CPU time, as
//! the other workloads' is. Reading the CPU time is a system call, which would be as long as a small
//! edit by hand: what it takes is measured beforehand and taken off.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

use super::engine::{Engine, Maintained};
use super::graph::{self, Edge};
use super::keyed::{self, Row};
use super::memory::held;
use super::script::{Answer, Change, Script};
use super::{Pace, Size, Workload};

/// The script of a workload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// Reachability.
    Reachability(&'static Script<Edge>),
    /// Components.
    Components(&'static Script<Edge>),
    /// Joined counts.
    JoinedCounts(&'static Script<Row>),
}

impl Input {
    /// Writes the script of a workload of this size.
    pub(crate) fn of(workload: Workload, size: Size, paces: &[Pace]) -> Input {
        match workload {
            Workload::Reachability | Workload::Curve => Input::Reachability(graph::reachability(size, paces)),
            Workload::Components => Input::Components(graph::components(size, paces)),
            Workload::JoinedCounts => Input::JoinedCounts(keyed::script(size, paces)),
        }
    }

    /// The rows that an engine has to keep.
    pub(crate) fn arranged(self) -> usize {
        match self {
            Input::Reachability(script) | Input::Components(script) => script.arranged,
            Input::JoinedCounts(script) => script.arranged,
        }
    }

    /// Has an engine play it.
    pub(crate) fn play(self, engine: Engine) -> Played {
        let (keeps, before) = (engine.keeps(), held());
        let mut played = match self {
            Input::Reachability(script) => keeps.reachability(script),
            Input::Components(script) => keeps.components(script),
            Input::JoinedCounts(script) => keeps.joined_counts(script),
        };
        played.memory -= before;
        played
    }
}

/// Prints the answers of an engine, and what it took on the other stream; without an engine, how
/// much input was made.
pub(crate) fn play_alone(engine: Option<Engine>, workload: Workload, nodes: u32, pace: Option<Pace>) {
    let input = Input::of(workload, Size::of(nodes), pace.as_slice());
    let Some(engine) = engine else { return println!("{} rows to keep", input.arranged()) };
    for step in input.play(engine).steps {
        step.answers.iter().for_each(|answer| println!("{answer}"));
        let cpu: Duration = step.took.iter().map(|took| took.cpu).sum();
        eprintln!("{:.3} ms, {} batches", cpu.as_secs_f64() * 1e3, step.took.len());
    }
}

/// What a script took.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    /// The load, then the kinds of edits.
    pub(crate) steps: Vec<Step>,
    /// The bytes held after the load.
    pub(crate) memory: i64,
}

/// What batches of one kind took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// Each batch that was timed.
    pub(crate) took: Vec<Took>,
    /// The changes of the batches that were timed.
    pub(crate) changes: usize,
    /// The answers after so many batches.
    pub(crate) answers: Vec<Answer>,
}

/// What a batch took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// The CPU time.
    pub(crate) cpu: Duration,
    /// The time by the clock.
    pub(crate) wall: Duration,
}

impl<R> Script<R> {
    /// Feeds it to what an engine keeps, batch by batch. The engine calls it, so that it may keep what it keeps in its
    /// own frame, and under its own runtime.
    pub(crate) fn play(&self, kept: &mut impl Maintained<R>) -> Played {
        let clock = Clock::new();
        let mut steps = vec![Step::default()];
        steps[0].batch(&clock, kept, &self.load);
        steps[0].answers.push(kept.answer());
        let memory = held();
        for edits in &self.edits {
            let mut step = Step::default();
            for stretch in edits.batches.chunks(edits.between) {
                step.stretch(&clock, kept, stretch);
                step.answers.push(kept.answer());
            }
            steps.push(step);
        }
        Played { steps, memory }
    }
}

impl Step {
    /// The batches from one comparison to the next.
    fn stretch<R>(&mut self, clock: &Clock, kept: &mut impl Maintained<R>, stretch: &[Vec<Change<R>>]) {
        let Some((last, others)) = stretch.split_last() else { return };
        for batch in others {
            match kept.starts_over() {
                true => kept.take(batch),
                false => self.batch(clock, kept, batch),
            }
        }
        self.batch(clock, kept, last);
    }

    fn batch<R>(&mut self, clock: &Clock, kept: &mut impl Maintained<R>, batch: &[Change<R>]) {
        self.took.push(clock.time(|| {
            kept.take(batch);
            kept.settle();
        }));
        self.changes += batch.len();
    }
}

/// What tells the time.
struct Clock {
    /// The CPU time that telling it takes.
    own: Duration,
}

impl Clock {
    fn new() -> Clock {
        let bare = Clock { own: Duration::ZERO };
        let mut own: Vec<Duration> = (0..1_001).map(|_| bare.time(|| ()).cpu).collect();
        own.sort_unstable();
        Clock { own: own[own.len() / 2] }
    }

    #[inline(always)]
    fn time(&self, work: impl FnOnce()) -> Took {
        let cpu = ProcessTime::now();
        let begun = Instant::now();
        work();
        let wall = begun.elapsed();
        Took { cpu: cpu.elapsed().saturating_sub(self.own), wall }
    }
}
