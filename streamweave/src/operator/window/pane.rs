//! Windows and what comes out of them.

use serde::Serialize;

use crate::time::EventTime;

/// A half-open interval of event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Window {
    /// The first time in it.
    pub start: EventTime,
    /// The first time after it.
    pub end: EventTime,
}

/// One firing of one window (of one key, where the stream is keyed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Pane<A> {
    /// The window.
    pub window: Window,
    /// What the rows in it come to.
    pub value: A,
}

/// A row that came after its window had fired: what a `late` port carries.
///
/// The stream of late rows has no time: theirs is behind the frontier already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late<D> {
    /// The row.
    pub row: D,
    /// Its time.
    pub time: EventTime,
    /// The window that it belongs to.
    pub window: Window,
    /// The frontier when it came.
    pub frontier: EventTime,
}
