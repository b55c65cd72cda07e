//! What waits in a queue or a channel between two graphs.

use serde::{Deserialize, Serialize};

use super::Update;
use crate::time::{Frontier, Timestamp};

/// A row, or a frontier among rows: the grammar of a stream, one word at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "D: Serialize, T: Serialize, R: Serialize",
    deserialize = "D: Deserialize<'de>, T: Deserialize<'de>, R: Deserialize<'de>"
))]
pub enum Message<D, T: Timestamp = (), R = ()> {
    /// A row.
    Row(Update<D, T, R>),
    /// Nothing before this is still to come; its end is the end of the stream.
    Frontier(Frontier<T>),
}

/// A value in its envelope, as a port says that it takes one: its time and its diff are seen.
///
/// Implemented by [`Update`], and so by [`Timed`](super::Timed).
pub trait Envelope {
    /// The value.
    type Data;
    /// Its time.
    type Time: Timestamp;
    /// Its multiplicity.
    type Diff;
}

impl<D, T: Timestamp, R> Envelope for Update<D, T, R> {
    type Data = D;
    type Time = T;
    type Diff = R;
}
