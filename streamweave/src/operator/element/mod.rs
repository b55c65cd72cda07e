//! Operators on one element at a time: linear, without state, fused with their neighbours.
//!
//! Each works alike on plain streams, timed streams and streams of changes: time and diff pass
//! through. None allocates, but for [`memo`], which remembers; a chain of them costs what the loop by hand costs.

mod caught;
mod filter;
mod filter_map;
mod flat_map;
mod flat_map_ref;
mod inspect;
mod map;
mod memo;
mod partition;
mod route_by;
mod text_tally;
mod try_map;
mod unzip;

pub use caught::{Caught, Gone, Kept, OrPanics, Panic, RowByRow, SetsAside, Thrown};
pub use filter::{Filter, filter};
pub use filter_map::{FilterMap, FilterMapRef, OptionLike, filter_map};
pub use flat_map::{FlatMap, FlatMapRef, Many, flat_map};
pub use flat_map_ref::{FlatMapInto, Gather, Tally, flat_map_ref};
pub use inspect::{Inspect, inspect};
pub use map::{Map, MapRef, map};
pub use memo::{Memo, MemoCounts, memo};
pub use partition::{Partition, partition};
pub use route_by::{RouteBy, route_by};
pub use text_tally::TextTally;
pub use try_map::{ResultLike, TryMap, TryMapRef, split_results, try_map};
pub use unzip::{Unzip, unzip};
