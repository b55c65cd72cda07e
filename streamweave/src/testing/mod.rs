//! The test kit: graphs under test, by a clock that stands still and chances drawn from a seed.
//!
//! - [`Harness`] feeds the inputs of a named graph by hand, lets it settle, and looks at its outputs;
//! - [`run`] runs a graph to its end, drawing what is left to chance from a seed.
//!
//! Nothing in here sleeps, and no test that uses it depends on the time of day. Files are read and written by threads; those
//! are waited for.

mod driven;
mod harness;
mod simulation;
mod waker;

pub use harness::{Feed, Harness, Tap};
pub use simulation::run;
