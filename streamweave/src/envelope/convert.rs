//! What may flow as what along an edge, chosen by the types at compile time.
//!
//! - No diff to a diff of +1: implicit, through [`ToDiff`], wherever an operator asks for changes.
//! - No time to a time: never implicit. `event_time(..)` reads it from the data, `epochs(..)`
//!   numbers the input, `from_start()` says that all of it is there at the first time.
//! - Dropping a time or a diff: only by a named operator, such as `untimed()`.

use std::fmt::Debug;

use crate::time::{Frontier, Timestamp};

/// The multiplicities that a stream can carry: `()` for "once", or a commutative group.
pub trait Diff: Clone + Debug + Send + 'static {}

impl Diff for () {}
impl Diff for i64 {}

/// A multiplicity as a change: an append-only stream is a stream of changes of +1.
///
/// # Examples
///
/// ```
/// use streamweave::envelope::ToDiff;
///
/// assert_eq!(().to_diff(), 1);
/// assert_eq!((-3_i64).to_diff(), -3);
/// ```
pub trait ToDiff: Diff {
    /// The group in which multiplicities are counted.
    type Diff: Diff;

    /// This multiplicity in that group.
    fn to_diff(self) -> Self::Diff;
}

impl ToDiff for () {
    type Diff = i64;

    #[inline(always)]
    fn to_diff(self) -> i64 {
        1
    }
}

impl ToDiff for i64 {
    type Diff = i64;

    #[inline(always)]
    fn to_diff(self) -> i64 {
        self
    }
}

/// A stream with times of this type may flow where times of type `To` are taken: the same type.
#[diagnostic::on_unimplemented(
    message = "a stream whose time is `{Self}` cannot flow where `{To}` is needed",
    label = "the time is missing or of another kind along this edge",
    note = "a stream gets a time by a named operator: `event_time(|row| .., bounded(..))` reads it from the data, `epochs(..)` numbers the input, `from_start()` says that all of it is there at the first time"
)]
pub trait FlowsAsTime<To: Timestamp>: Timestamp {
    /// A time along the edge.
    fn time(self) -> To;

    /// A frontier along the edge.
    fn frontier(frontier: Frontier<Self>) -> Frontier<To>;
}

impl<T: Timestamp> FlowsAsTime<T> for T {
    #[inline(always)]
    fn time(self) -> T {
        self
    }

    #[inline(always)]
    fn frontier(frontier: Frontier<T>) -> Frontier<T> {
        frontier
    }
}

/// A stream with multiplicities of this type may flow where type `To` is taken: the same type.
#[diagnostic::on_unimplemented(
    message = "a stream of changes (`{Self}`) cannot flow where rows are only ever added (`{To}`)",
    label = "this node cannot take back what it was given"
)]
pub trait FlowsAsDiff<To>: Sized {
    /// A multiplicity along the edge.
    fn diff(self) -> To;
}

impl<R: Diff> FlowsAsDiff<R> for R {
    #[inline(always)]
    fn diff(self) -> R {
        self
    }
}
