//! State: the maps and queues in which operators keep what they know.

mod arrival_map;
mod chance;
mod due;
mod event_log;
mod key_slab;
mod lru;
mod ordered_map;
mod time_queue;
mod waiting;

pub(crate) use arrival_map::ArrivalMap;
pub(crate) use chance::Chance;
pub use due::Due;
pub use event_log::{EventLog, NotInLog};
pub use key_slab::KeySlab;
pub use lru::Lru;
pub use ordered_map::OrderedMap;
pub use time_queue::TimeQueue;
pub use waiting::Waiting;
