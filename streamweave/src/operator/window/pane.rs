//! Windows and what comes out of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::EventTime;

/// A half-open interval of event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
        if self.end == EventTime::MAX {
            return self.end;
        }
        EventTime::from_micros(self.end.micros().saturating_sub(1))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

/// One firing of one window (of one key, where the stream is keyed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pane<A> {
    /// The window.
    pub window: Window,
    /// What the rows in it come to.
    pub value: A,
    /// When it fired: before, at or after its end.
    pub timing: Timing,
    /// How many times it fired before.
    pub index: u32,
    /// Whether it is known not to fire again. One that waited in vain for late rows is not known to.
    pub is_last: bool,
}

/// When a window fires, seen from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timing {
    /// Before the frontier has reached its end, because of a [`Trigger`](super::Trigger).
    Early,
    /// When the frontier reaches its end: once for each window and key with rows in it.
    OnTime,
    /// Afterwards, because of a late row.
    Late,
}

impl<A> Pane<A> {
    /// The one firing of a window that fires once.
    #[inline(always)]
    pub fn once(window: Window, value: A) -> Self {
        Pane { window, value, timing: Timing::OnTime, index: 0, is_last: true }
    }

    /// Whether it is the first firing of its window.
    pub fn is_first(&self) -> bool {
        self.index == 0
    }

    /// The same firing with another value.
    pub fn map<B>(self, f: impl FnOnce(A) -> B) -> Pane<B> {
        let Pane { window, value, timing, index, is_last } = self;
        Pane { window, value: f(value), timing, index, is_last }
    }
}

/// A row that came after its window had fired: what a `late` port carries.
///
/// The stream of late rows has no time: theirs is behind the frontier already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late<D> {
    /// The row.
    pub row: D,
    /// Its time.
    pub time: EventTime,
    /// The window that it belongs to; of several the one that was open for longest.
    pub window: Window,
    /// The frontier when it came.
    pub frontier: EventTime,
}
