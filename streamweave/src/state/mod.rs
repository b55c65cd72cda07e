//! State: the maps and queues in which operators keep what they know.

mod chance;
mod due;
mod key_slab;
mod ordered_map;
mod slots;
mod waiting;

pub(crate) use chance::Chance;
pub use due::Due;
pub use key_slab::KeySlab;
pub use ordered_map::OrderedMap;
pub use slots::Slots;
pub use waiting::Waiting;
