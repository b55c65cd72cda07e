//! Time: what a stream's elements are stamped with, and how far a stream has come.
//!
//! A *timestamp* is an element's time, a *frontier* the lower bound on the times still possible,
//! a *watermark* the promise from which a source of event time makes its frontier. A stream
//! without time carries `()` and has no frontier but its end.
//!
//! In a loop a time is [`Nested`], with the round; what accumulates where is said by [`Lattice`].
//!
//! What the clock on the wall says is [`ProcessingTime`]; it comes in through the trait [`Clock`].

mod civil;
mod clock;
mod delta;
mod frontier;
mod inputs;
mod lattice;
mod nested;
mod timestamp;
mod watermark;

pub(crate) use civil::Date;
pub use clock::{Clock, ManualClock, ProcessingTime, SystemClock};
pub use delta::{TimeDelta, Units};
pub(crate) use frontier::Noted;
pub use frontier::{Antichain, Frontier, Moment, Reached};
pub use inputs::Inputs;
pub use lattice::{Lattice, MAX_LOOPS, Path, Rounds};
pub use nested::Nested;
pub use timestamp::{EventTime, LogicalTime, ParseTimeError, Timestamp, TotalOrder};
pub use watermark::{
    BoundedOutOfOrderness, Every, IdleAfter, Partitioned, Punctuated, Strategy, Watermark, ascending,
    bounded, partitioned, punctuated,
};
