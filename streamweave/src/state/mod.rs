//! State: the maps and queues in which operators keep what they know.

mod chance;
mod ordered_map;
mod slots;
mod waiting;

pub(crate) use chance::Chance;
pub use ordered_map::OrderedMap;
pub use slots::Slots;
pub use waiting::Waiting;
