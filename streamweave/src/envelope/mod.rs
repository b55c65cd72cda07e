//! The envelope: what travels along an edge.
//!
//! A stream is a sequence `(Update | Frontier)* End`. One type, [`Update`], serves three kinds of
//! stream, and each pays for what it carries only:
//!
//! | kind | type | meaning |
//! |---|---|---|
//! | plain | `Update<D>` | a value |
//! | timed | `Update<D, T>` | a value at a time |
//! | changes | `Update<D, T, R>` | a value whose multiplicity changes by `R` at a time |

mod convert;
mod keyed;
mod message;
mod signal;
mod update;

pub use convert::{Abelian, Diff, FlowsAsDiff, FlowsAsTime, Multiply, ToDiff};
pub use keyed::{Failed, Keyed, Nullable};
pub use message::{Envelope, Message};
pub use signal::Signal;
pub use update::{Timed, Update};
