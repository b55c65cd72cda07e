//! State: the maps in which operators keep what they know.

mod ordered_map;

pub use ordered_map::OrderedMap;
