//! Windows over event time.
//!
//! [`tumbling()`], [`sliding()`], [`cumulative()`], [`global()`] and [`windows()`], for an [`Assigner`] of any kind, give
//! [`Windows`]: what they have in common is told there. [`session()`] windows are cut by the rows themselves, and
//! [`count_windows()`] by their number.
//!
//! A window is half-open, `[start, end)`. It fires when the frontier reaches its end, not before
//! (rule B6); a row is late when the frontier has passed all of its windows, and only then
//! (rule D1).

mod accumulation;
mod ahead;
mod assigner;
mod begin;
mod calendar;
mod count;
mod late;
mod line;
mod merging;
mod once;
mod order;
mod overlapping;
mod pane;
mod session;
mod sharing;
mod sliced;
mod trigger;
mod windows;

pub use accumulation::{Accumulating, Accumulation, Discarding, FiresOnce, Retracting};
pub use assigner::{Assigner, Assigns, Cumulative, Disjoint, Global, Overlapping, Sliding, Tumbling};
pub use begin::{Begin, FoldFrom};
#[cfg(feature = "time-zones")]
pub use calendar::UnknownZone;
pub use calendar::{Calendar, Weekday};
pub use count::{CountAggregate, CountWindows, count_windows};
pub use merging::Merging;
pub use once::Single;
pub(crate) use order::number_anew;
pub use order::{ByArrival, ByKey, PaneOrder};
pub use overlapping::OverlappingOnce;
pub use pane::{Late, Pane, Timing, Window};
pub use session::{Bounds, InSessions, Sessions, session};
pub use sharing::{Shares, Sharing};
pub use sliced::Sliced;
pub use trigger::{FirstOf, Never, Once, Period, Rows, Trigger, Triggers, period, rows};
pub use windows::{
    Firing, FoldInWindows, InWindows, Mode, Ports, Unnamed, Windows, cumulative, global, sliding, tumbling,
    windows,
};
