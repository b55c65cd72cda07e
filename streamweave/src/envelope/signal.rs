//! The grammar of a stream as one message type.

use super::Update;
use crate::time::{Frontier, Timestamp};

/// One message of a stream: `(Row | Frontier)*`, with house-keeping between them.
///
/// Inside a stage messages are method calls (see [`Push`](crate::port::Push)); they take this
/// form only where a stage is cut.
#[derive(Clone, Debug)]
pub enum Signal<D, T: Timestamp, R> {
    /// An update.
    Row(Update<D, T, R>),
    /// No update before this is still to come.
    Frontier(Frontier<T>),
    /// Operators that have work of their own (finished calls) may go on with it.
    Wake,
    /// The batch is done: counts are to be entered into the books.
    Settle,
}
