//! Graphs run to their end with chances drawn from a seed; and graphs that crash on the way, in a world that is simulated.
//!
//! [`run`] is for any graph. [`CrashTest`] runs a durable one again and again, lets it crash at drawn steps, or at each, loses what was not
//! durable, starts it again, and compares what is there in the end with what is there without a crash. What such a graph reads and writes
//! stands in a [`World`]: its checkpoints in a [`SimulatedStorage`], its rows come from [`replayed`] or [`replayed_messages`] and go to [`transactions`] or
//! [`appended`]. Storage fails and tears, transactions have to be tried again, sources have nothing at hand for a while, all by the seed.

mod crash_test;
mod sink;
mod source;
mod storage;
mod world;

pub use crash_test::{CrashTest, Found, Survived};
pub use sink::{Appended, Transactions, appended, transactions};
pub use source::{Replayed, replayed, replayed_messages};
pub use storage::SimulatedStorage;
pub use world::{Faults, Lived, World};

use super::driven::Driven;
use crate::executor::{Command, Graph, Reply, Yielded};
use crate::graph::Error;
use crate::time::{Clock, ManualClock};

/// Runs a graph to its end, alone on this thread: which source is next and how much is taken from it are
/// drawn from the seed, and the clock jumps to the next alarm when nothing else is to be done.
///
/// The same seed gives the same run, byte for byte (rule K10): as far as its nodes wait for nothing but
/// `clock`, such as by [`ManualClock::sleep`].
///
/// # Errors
///
/// As [`Graph::run`].
///
/// # Panics
///
/// Where the graph waits for something that is neither the clock nor its own: it would wait forever.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::testing;
/// use streamweave::time::ManualClock;
///
/// let orders = |seed| {
///     let graph = graph! {
///         a = from_iter(["a1", "a2"]);
///         b = from_iter(["b1", "b2"]);
///         [a, b] -> merged;
///         merged = collect();
///     };
///     testing::run(graph, ManualClock::new(), seed).expect("nothing fails").merged
/// };
/// assert_eq!(orders(7), orders(7));
/// assert!((0..100).any(|seed| orders(seed) != orders(7)));
/// ```
#[track_caller]
pub fn run<F, R, C, G>(graph: Graph<F, R, C, G>, clock: ManualClock, seed: u64) -> Result<R, Error>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    R: Yielded,
    C: Clock,
{
    let mut driven = Driven::new(graph.seed(seed), clock.clone());
    loop {
        driven.settle();
        match driven.ended.take() {
            Some(Ok(())) => return Ok(driven.worker.finish()),
            Some(Err(error)) => return Err(error),
            None => {}
        }
        assert!(
            clock.jump(),
            "the graph waits for something that is not the clock: {}",
            driven.worker.holding()
        );
    }
}
