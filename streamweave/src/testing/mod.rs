//! The test kit: graphs under test, by a clock that stands still and chances drawn from a seed.
//!
//! - [`Harness`] feeds the inputs of a named graph by hand, lets it settle, and looks at its outputs;
//! - [`Marbles`] writes rows, times and frontiers in one line, `a@1 b@4 ^10 |`, to feed inputs by and to compare outputs with;
//! - [`run`] runs a graph to its end, drawing what is left to chance from a seed;
//! - [`CrashTest`] lets a durable graph crash wherever it can, and compares what it has written in the end.
//!
//! Nothing in here sleeps, and no test that uses it depends on the time of day. Files are read and written by threads; those
//! are waited for.

mod driven;
mod harness;
mod marbles;
mod waker;

pub mod simulation;

pub use harness::{Feed, Finished, Harness, Saved, Tap};
pub use marbles::{Marbles, Multiplicity, Ticks};
pub use simulation::{CrashTest, World, run};
