//! Work over changes: an answer that is kept up while rows come and go.
//!
//! A change's way: [`graph`] and [`keyed`] write the [`script`] of a workload (what is loaded, and
//! then edit by edit what changes), an [`engine`] plays it with what it keeps, [`play`] and
//! [`memory`] say what that took, and [`table`] compares the answers, then the times.
//!
//! The rules for all engines: one worker, a script is fed batch by batch, and a batch is done when
//! the answer stands for it. The answer is a sum over the rows of the final collection, so that each
//! engine keeps it by the changes of its output, and so that the sums are equal just when the
//! collections are.

pub(crate) mod engine;
mod graph;
mod keyed;
mod memory;
mod play;
mod script;
mod table;

pub(crate) use play::play_alone;
pub(crate) use table::{Request, print};

/// A workload over changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// W5: the nodes that can be reached from one: [`graph`].
    Reachability,
    /// W5: the components of the graph, undirected: [`graph`].
    Components,
    /// W6: a count per key, joined: [`keyed`].
    JoinedCounts,
    /// G9: an edit of reachability, by the size of the graph: [`graph`].
    Curve,
}

impl Workload {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Workload; 4] =
        [Workload::Reachability, Workload::Components, Workload::JoinedCounts, Workload::Curve];

    /// The names, for a message.
    pub(crate) const NAMES: &str = "w5-reach, w5-components, w6 or g9";

    /// How the command line calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Reachability => "w5-reach",
            Workload::Components => "w5-components",
            Workload::JoinedCounts => "w6",
            Workload::Curve => "g9",
        }
    }

    /// The workload of that name.
    pub(crate) fn named(name: &str) -> Option<Workload> {
        Workload::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// What StreamWeave is to come to: at most so many times the CPU time of differential, by the design's section on
    /// performance.
    pub(crate) fn target(self) -> f64 {
        match self {
            Workload::Reachability | Workload::Components | Workload::Curve => 0.5,
            Workload::JoinedCounts => 0.33,
        }
    }
}

/// How large the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Nodes, or keys.
    pub(crate) nodes: u32,
    /// Edges, or counted rows.
    pub(crate) edges: usize,
}

impl Size {
    /// So many nodes, and five edges for each.
    pub(crate) fn of(nodes: u32) -> Size {
        Size { nodes, edges: 5 * nodes as usize }
    }
}

/// How edits go: so many batches of so many rows, with the answers compared after every few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Edges that are replaced, or rows that come or go, in a batch.
    pub(crate) size: usize,
    /// How many batches.
    pub(crate) batches: usize,
    /// How many batches there are from one comparison of the answers to the next.
    pub(crate) between: usize,
}

impl Pace {
    /// Reachability and components.
    const GRAPH: &[Pace] =
        &[Pace { size: 1, batches: 1_000, between: 100 }, Pace { size: 1_000, batches: 30, between: 10 }];

    /// Joined counts.
    const KEYED: &[Pace] = &[
        Pace { size: 1, batches: 10_000, between: 1_000 },
        Pace { size: 100, batches: 2_000, between: 500 },
        Pace { size: 10_000, batches: 100, between: 25 },
    ];

    /// The curve.
    const CURVE: &[Pace] = &[Pace { size: 1, batches: 1_000, between: 100 }];

    /// Of a workload, in the table.
    pub(crate) fn of(workload: Workload) -> &'static [Pace] {
        match workload {
            Workload::Reachability | Workload::Components => Pace::GRAPH,
            Workload::JoinedCounts => Pace::KEYED,
            Workload::Curve => Pace::CURVE,
        }
    }
}
