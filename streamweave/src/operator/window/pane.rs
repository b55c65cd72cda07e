//! Windows and what comes out of them.

use std::fmt;

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

impl Window {
    /// Whether a time is in the window. One that ends at the greatest time contains it, too.
    #[inline]
    pub fn contains(&self, time: EventTime) -> bool {
        self.start <= time && (time < self.end || self.end == EventTime::MAX)
    }

    /// The time of what a window comes to: the last one in it.
    #[inline]
    pub fn last(&self) -> EventTime {
        EventTime::from_micros(self.end.micros().saturating_sub(1))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
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
