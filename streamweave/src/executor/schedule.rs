//! What is left to chance in a worker: which source is next, and how much is taken from it.

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

/// Numbers drawn from a seed: Steele, Lea and Flood's SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The next number.
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let drawn = self.draw();
        // Far below 2^64: what is uneven about the remainder does not show.
        usize::try_from(drawn % (bound.max(1) as u64)).expect("below a usize")
    }
}
