//! The work: what goes in, and what is to come out, whoever does it.
//!
//! An input is made from a fixed seed, lies in memory for as long as the process lives, and is the
//! same for every engine. An answer does not depend on the order in which an engine gives its rows,
//! and its text is what engines are held to.

pub(crate) mod nexmark;
pub(crate) mod numbers;
pub(crate) mod paced;
pub(crate) mod slices;
pub(crate) mod windows;
pub(crate) mod words;

/// A workload of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Five cheap operators: [`numbers`].
    W1,
    /// Word count, words being slices of their line: [`words`].
    W2Borrowed,
    /// Word count, each word owned: [`words`].
    W2Owned,
    /// A count per key and window of event time: [`windows`].
    W3,
    /// Persons and auctions, joined: [`nexmark`].
    W4,
    /// Latency at a fixed rate: [`paced`].
    W7,
    /// Nexmark's query 1, a map: [`nexmark`].
    Q1,
    /// Nexmark's query 2, a filter: [`nexmark`].
    Q2,
    /// Nexmark's query 5, sliding windows: [`nexmark`].
    Q5,
    /// Nexmark's query 7, tumbling windows: [`nexmark`].
    Q7,
    /// Nexmark's query 8, a join of windows: [`nexmark`].
    Q8,
}

/// What StreamWeave is to come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// At most so many times the CPU time of the loop by hand.
    Ratio(f64),
    /// A median latency of at most so many nanoseconds.
    Median(f64),
    /// None is set: for comparison with the peers.
    None,
}

impl Workload {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Workload; 11] = [
        Workload::W1,
        Workload::W2Borrowed,
        Workload::W2Owned,
        Workload::W3,
        Workload::W4,
        Workload::W7,
        Workload::Q1,
        Workload::Q2,
        Workload::Q5,
        Workload::Q7,
        Workload::Q8,
    ];

    /// The names, for a message.
    pub(crate) const NAMES: &str = "w1, w2-borrowed, w2-owned, w3, w4, w7, q1, q2, q5, q7 or q8";

    /// How the command line calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::W1 => "w1",
            Workload::W2Borrowed => "w2-borrowed",
            Workload::W2Owned => "w2-owned",
            Workload::W3 => "w3",
            Workload::W4 => "w4",
            Workload::W7 => "w7",
            Workload::Q1 => "q1",
            Workload::Q2 => "q2",
            Workload::Q5 => "q5",
            Workload::Q7 => "q7",
            Workload::Q8 => "q8",
        }
    }

    /// The workload of that name.
    pub(crate) fn named(name: &str) -> Option<Workload> {
        Workload::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// The size at which the table runs it: numbers, bytes of text, bids, persons and
    /// auctions, records.
    pub(crate) fn default_size(self) -> usize {
        match self {
            Workload::W1 => 20_000_000,
            Workload::W2Borrowed | Workload::W2Owned => 120_000_000,
            Workload::W3 | Workload::Q1 | Workload::Q2 | Workload::Q5 | Workload::Q7 => 3_000_000,
            Workload::W4 => 2_400_000,
            Workload::Q8 => 1_000_000,
            Workload::W7 => 100_000,
        }
    }

    /// How many rounds the table measures: more where one is short, for the sake of the median.
    pub(crate) fn rounds(self) -> usize {
        match self {
            Workload::W1 | Workload::W3 | Workload::Q1 | Workload::Q2 => 31,
            Workload::W2Borrowed | Workload::W2Owned | Workload::Q5 | Workload::Q7 | Workload::Q8 => 21,
            Workload::W4 | Workload::W7 => 11,
        }
    }

    /// The target of the design's section on performance.
    pub(crate) fn target(self) -> Target {
        match self {
            Workload::W1 => Target::Ratio(1.0),
            Workload::W2Borrowed => Target::Ratio(0.85),
            Workload::W2Owned => Target::Ratio(1.2),
            Workload::W3 => Target::Ratio(1.1),
            Workload::W4 => Target::Ratio(0.5),
            Workload::W7 => Target::Median(500.0),
            Workload::Q1 | Workload::Q2 | Workload::Q5 | Workload::Q7 | Workload::Q8 => Target::None,
        }
    }
}

/// The generator of everything that is random here: xorshift, from a fixed seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// At its beginning.
    pub(crate) fn new() -> Self {
        Random(88_172_645_463_325_252)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
