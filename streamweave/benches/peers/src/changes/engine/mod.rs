//! Who keeps the answers.
//!
//! An engine is a type that implements [`Keeps`], a line in [`Engine`]'s list and its matches, and a module here. It
//! builds its program, puts what it keeps behind [`Maintained`], and has the script play that:
//!
//! ```text
//! fn reachability(&self, script: &'static Script<Edge>) -> Played {
//!     let mut kept = ...;         // a program without rows
//!     script.play(&mut kept)      // load, edits, comparisons
//! }
//! ```
//!
//! Whoever keeps them, [`Maintained::answer`] must be equal after the load and at every comparison; the loop by hand is
//! what the others are held to. What is in the answer is said in [`Keeps`].
//! An engine that runs as a task feeds it in [`Maintained::take`], and drives it in [`Maintained::settle`] until the
//! frontier of its output has passed the batch; the script can be played inside of its runtime or around it.

mod differential;
mod hand;
mod streamweave;

use super::graph::Edge;
use super::keyed::Row;
use super::play::Played;
use super::script::{Answer, Change, Script};

/// The workloads over changes, as an engine does them.
pub(crate) trait Keeps {
    /// W5 and G9: each node that can be reached from [`ROOT`](super::graph::ROOT), itself among them, once.
    fn reachability(&self, script: &'static Script<Edge>) -> Played;

    /// W5: each node below `script.nodes`, with the least node of those that edges connect it with, in either
    /// direction.
    fn components(&self, script: &'static Script<Edge>) -> Played;

    /// W6: for each key, how many rows there are to count, if any, joined with each row to join of that key.
    fn joined_counts(&self, script: &'static Script<Row>) -> Played;
}

/// What an engine keeps up while rows come and go.
pub(crate) trait Maintained<R> {
    /// Takes a batch of changes. The answer need not stand for them yet.
    fn take(&mut self, batch: &[Change<R>]);

    /// Works until the answer stands for all that was taken.
    fn settle(&mut self);

    /// What the rows of the final collection come to, as of the last [`settle`](Self::settle).
    fn answer(&self) -> Answer;

    /// Whether settling begins from scratch: then only the last batch before each comparison is settled, and timed.
    fn starts_over(&self) -> bool {
        false
    }
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// StreamWeave.
    StreamWeave,
    /// differential dataflow.
    Differential,
    /// Without an engine: from scratch where nothing better is simple, else hash tables.
    Hand,
}

impl Engine {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Engine; 3] = [Engine::StreamWeave, Engine::Differential, Engine::Hand];

    /// The names, for a message.
    pub(crate) const NAMES: &str = "streamweave, differential, hand";

    /// How the command line calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::StreamWeave => "streamweave",
            Engine::Differential => "differential",
            Engine::Hand => "hand",
        }
    }

    /// The engine of that name.
    pub(crate) fn named(name: &str) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Its programs.
    pub(crate) fn keeps(self) -> &'static dyn Keeps {
        match self {
            Engine::StreamWeave => &streamweave::StreamWeave,
            Engine::Differential => &differential::Differential,
            Engine::Hand => &hand::Hand,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::play::Input;
    use crate::changes::{Pace, Size, Workload};

    /// The answers of an engine on a graph that small edits tear apart and join.
    fn answers(engine: Engine, workload: Workload, edges: usize) -> Vec<Answer> {
        let paces = [Pace { size: 1, batches: 60, between: 1 }, Pace { size: 40, batches: 4, between: 2 }];
        let input = Input::of(workload, Size { nodes: 100, edges }, &paces);
        input.play(engine).steps.into_iter().flat_map(|step| step.answers).collect()
    }

    #[test]
    fn every_engine_gives_the_answers_by_hand() {
        for workload in [Workload::Reachability, Workload::Components, Workload::JoinedCounts] {
            for edges in [60, 120, 300] {
                let expected = answers(Engine::Hand, workload, edges);
                assert_eq!(expected.len(), 1 + 60 + 2);
                for engine in Engine::ALL {
                    assert_eq!(answers(engine, workload, edges), expected, "{engine:?} on {workload:?}");
                }
            }
        }
    }

    #[test]
    fn edits_change_the_answers() {
        for workload in [Workload::Reachability, Workload::Components, Workload::JoinedCounts] {
            let mut answers = answers(Engine::Hand, workload, 120);
            answers.dedup();
            assert!(answers.len() > 3, "{workload:?}: {answers:?}");
        }
    }
}
