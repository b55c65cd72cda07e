//! State: the maps and queues in which operators keep what they know.

mod arrival_map;
#[cfg(feature = "lsm")]
mod bits;
mod chance;
pub(crate) mod codec;
pub(crate) mod divide;
mod due;
mod event_log;
mod expiring;
pub(crate) mod fields;
mod in_slices;
mod key_map;
mod key_slab;
pub(crate) mod keyed_log;
mod keyed_rows;
#[cfg(feature = "lsm")]
mod large_map;
mod list;
mod loading;
mod lru;
pub(crate) mod map;
pub(crate) mod maybe;
mod mismatch;
mod ordered_map;
mod part;
mod reducing;
mod row_key;
mod shard;
mod sorted_map;
mod stable_hash;
mod storable;
mod time_queue;
mod waiting;
mod watermark;
mod window_map;

pub(crate) use arrival_map::ArrivalMap;
pub(crate) use chance::Chance;
pub(crate) use divide::{Divided, Owner, SameKey};
pub use due::Due;
pub use event_log::{EventLog, NotInLog};
pub use expiring::Expiring;
pub(crate) use fields::BEGINNING;
pub use fields::Fields;
pub(crate) use key_map::KeyMap;
pub use key_slab::KeySlab;
pub(crate) use keyed_rows::KeyedRows;
#[cfg(feature = "lsm")]
pub use large_map::LargeMap;
pub use list::{List, Redistribution};
pub(crate) use loading::Unread;
pub use loading::{Loading, Stored};
pub use lru::Lru;
pub use map::Map;
pub(crate) use map::Place;
pub use mismatch::Mismatch;
pub use ordered_map::OrderedMap;
pub use part::{Content, Part, Saving};
pub use reducing::Reducing;
pub(crate) use row_key::hash_of_key;
pub use shard::Shard;
pub use sorted_map::SortedMap;
pub use stable_hash::{KEY_GROUPS, key_group, stable_hash};
pub use storable::{State, Storable, Value};
pub use time_queue::TimeQueue;
pub use waiting::Waiting;
pub(crate) use window_map::WindowMap;
