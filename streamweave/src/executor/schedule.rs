//! What is left to chance in a worker: which source is next, and how much is taken from it.

use crate::state::Chance;

/// Which source is next.
#[derive(Clone, Debug)]
pub(crate) enum Schedule {
    /// One after the other (rule J4).
    InTurn {
        /// Where to look first: behind the source that was taken last.
        next: usize,
    },
    /// As the seed draws it (rule K10).
    Drawn(Chance),
}

impl Schedule {
    pub(crate) fn in_turn() -> Self {
        Schedule::InTurn { next: 0 }
    }

    pub(crate) fn drawn(seed: u64) -> Self {
        Schedule::Drawn(Chance(seed))
    }

    /// Which of so many sources is looked at first.
    pub(crate) fn first(&mut self, sources: usize) -> usize {
        match self {
            Schedule::InTurn { next } => *next,
            Schedule::Drawn(chance) => chance.below(sources),
        }
    }

    /// The source at this place was taken.
    pub(crate) fn took(&mut self, at: usize) {
        if let Schedule::InTurn { next } = self {
            *next = at + 1;
        }
    }

    /// The source at this place has ended, and the others have moved up.
    pub(crate) fn closed(&mut self, at: usize) {
        if let Schedule::InTurn { next } = self {
            *next = at;
        }
    }

    /// The most rows to take now.
    pub(crate) fn budget(&mut self, batch: usize) -> usize {
        match self {
            Schedule::InTurn { .. } => batch,
            Schedule::Drawn(chance) => 1 + chance.below(batch),
        }
    }
}
