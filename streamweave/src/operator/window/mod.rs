//! Windows over event time.
//!
//! A window is half-open, `[start, end)`. It fires when the frontier reaches its end, not before
//! (rule B6); a row is late when the frontier has reached the end of its window, and only then
//! (rule D1).

mod assigner;
mod calendar;
mod pane;
mod tumbling;

pub use assigner::{Assigner, Cumulative, Disjoint, Global, Overlapping, Sliding, Tumbling};
#[cfg(feature = "time-zones")]
pub use calendar::UnknownZone;
pub use calendar::{Calendar, Weekday};
pub use pane::{Late, Pane, Window};
pub use tumbling::{ByArrival, ByKey, PaneOrder, TumblingAggregate, TumblingWindows, tumbling};
