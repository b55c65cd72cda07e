//! Streams of changes, and operators on the collections that they build up.
//!
//! A row with the diff +1 says that it is there from its time on, one with -1 that it is there no more. At each time the
//! changes so far add up to a *collection*: so many of this row, so many of that. The operators here are functions of
//! collections. What they emit are the changes of their result: at every closed time it adds up to exactly what the
//! function would give for the input added up to that time, and an edit costs about what it changes.
//!
//! - What the rows of a key come to, or all rows: [`count`], [`count_all`], [`sum`], [`average`], [`min`], [`max`], [`top_n`], and
//!   [`reduce`](reduce()) by a function of one's own.
//! - Which rows there are: [`distinct`], [`threshold`].
//! - The same collection, or its opposite: [`consolidate`](consolidate()), [`negate`](negate()).
//!
//! In a graph they are written with the module's name, `differential::count()`: by themselves some of these names are those of
//! operators on streams to which rows are only ever added.
//!
//! # Contract
//!
//! 1. They work time by time: changes wait until the frontier is beyond their time, and those of one time count together.
//!    Within one time a row may be taken back before it is put in (rule G2), and what cancels out changes nothing (rule G1).
//! 2. A change behind the frontier takes effect at the least time that is still open: nothing is late, nothing lost.
//! 3. What an operator emits at one time it emits in order of the rows or, where it says so, of their keys' arrival: it
//!    depends on the changes and their order alone. What has not changed is not emitted.
//! 4. They are the same inside a loop, where times are [`Nested`](crate::time::Nested).
//! 5. A collection that cannot be ends the run with [`Unsound`], which names the key; the error of the run names the node. Nothing
//!    of that time, or after it, is emitted (rules G2, G4).
//! 6. A stream without diffs is one of changes of +1.
//! 7. In a graph that is `#![durable]` what they keep is saved as rows, added up, all of it at each checkpoint. What they emit after a
//!    restore is what they would have emitted.

pub mod iterate;

pub mod antijoin;
mod arrange;
pub mod as_of;
mod at_times;
mod bound;
mod consolidate;
pub mod consolidation;
mod from_round;
pub mod full_join;
mod indexed;
pub mod join;
pub mod join_arranged;
pub mod join_map;
pub mod left_join;
mod negate;
#[cfg(test)]
mod oracle;
mod outer;
mod pairs;
mod pending;
mod presence;
mod reduce;
pub mod right_join;
pub mod semijoin;
mod set;
mod to_snapshot;
pub mod trace;
mod unsound;
pub mod view;

pub use antijoin::antijoin;
pub use arrange::{Arrange, Arrangement, Arranges, arrange};
pub use as_of::as_of;
pub use at_times::{AtTimes, Binary, BinaryAtTimes, Emit, Later, NoKey, Unary};
pub use bound::{Accumulates, Countable, Integral, Reduces, Shown, Weighs};
pub use consolidate::{Consolidate, consolidate};
pub use from_round::{FromRound, from_round};
pub use full_join::full_join;
pub use indexed::{Counted, Indexed, Merges, Sorted};
pub use join::join;
pub use join_arranged::join_arranged;
pub use join_map::join_map;
pub use left_join::left_join;
pub use negate::{Negate, negate};
pub use outer::Outer;
pub use pairs::Pairs;
pub use pending::Pending;
pub use reduce::{
    Average, AverageByKey, CountAll, CountByKey, Distinct, ExtremeByKey, FunctionByKey, Group, Reducer,
    Reduction, SumByKey, Threshold, TopByKey, Total, average, count, count_all, distinct, max, min, reduce,
    sum, threshold, top_n,
};
pub use right_join::right_join;
pub use semijoin::semijoin;
pub use set::OfSet;
pub use to_snapshot::{ToSnapshot, to_snapshot};
pub use unsound::Unsound;
pub use view::{View, publish};
