//! What the tests of streamweave share: oracles that are written from the semantics alone, and
//! inputs. The tests themselves stand in `tests/`, a file per family of rules of SEMANTICS.md.
//!
//! The random graphs come in two forms, both written by `build/main.rs`: as `graph!`, which the
//! engine runs, and as a [`description::Description`], which the [`interpreter`] runs.

pub mod random;

pub mod description;

pub mod row;

pub mod input;

pub mod interpreter;

pub mod oracle;

use streamweave::graph::Report;

use crate::row::Row;

/// The batch sizes between which no output may differ (rule Z1).
pub const BATCHES: [usize; 4] = [1, 7, 64, 1024];

/// What a run of a random graph came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The books.
    pub report: Report,
    /// The rows of every sink, by node.
    pub sinks: Vec<(usize, Vec<Row>)>,
}

/// Runs a future to its end on this thread.
///
/// # Panics
///
/// Where the run fails.
pub fn finish<T>(run: impl Future<Output = Result<T, streamweave::Error>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime of one thread can be built").block_on(run).expect("the run succeeds")
}
