//! State: the maps and queues in which operators keep what they know.

mod chance;
mod event_log;
mod lru;
mod ordered_map;
mod time_queue;
mod waiting;

pub(crate) use chance::Chance;
pub use event_log::{EventLog, NotInLog};
pub use lru::Lru;
pub use ordered_map::OrderedMap;
pub use time_queue::TimeQueue;
pub use waiting::Waiting;
