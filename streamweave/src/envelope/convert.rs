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
impl<A: Abelian, B: Abelian> Diff for (A, B) {}

/// The multiplicities that changes are counted in: a commutative group, with room that can run out.
///
/// `i64` counts rows; a pair sums two things at once; a type of your own implements it.
///
/// # Contract
///
/// Addition is associative and commutative, `zero` is neutral, `negated` inverse, except where there is no room.
pub trait Abelian: Diff + PartialEq + ToDiff<Diff = Self> {
    /// No change.
    fn zero() -> Self;

    /// Whether it changes nothing.
    fn is_zero(&self) -> bool;

    /// Adds another; false, and anything in `self`, where there is no room (rule G4).
    #[must_use]
    fn add(&mut self, other: &Self) -> bool;

    /// What takes it back, or `None` where there is no room.
    fn negated(&self) -> Option<Self>;
}

impl Abelian for i64 {
    #[inline(always)]
    fn zero() -> i64 {
        0
    }

    #[inline(always)]
    fn is_zero(&self) -> bool {
        *self == 0
    }

    #[inline(always)]
    fn add(&mut self, other: &i64) -> bool {
        let (sum, overflows) = self.overflowing_add(*other);
        *self = sum;
        !overflows
    }

    #[inline(always)]
    fn negated(&self) -> Option<i64> {
        self.checked_neg()
    }
}

impl<A: Abelian, B: Abelian> Abelian for (A, B) {
    fn zero() -> Self {
        (A::zero(), B::zero())
    }

    fn is_zero(&self) -> bool {
        self.0.is_zero() && self.1.is_zero()
    }

    fn add(&mut self, other: &Self) -> bool {
        self.0.add(&other.0) && self.1.add(&other.1)
    }

    fn negated(&self) -> Option<Self> {
        Some((self.0.negated()?, self.1.negated()?))
    }
}

/// The multiplicities of pairs: of so many rows with so many others.
///
/// # Contract
///
/// It distributes over addition on both sides, except where there is no room.
pub trait Multiply<By = Self> {
    /// The multiplicity of the pairs.
    type Product: Abelian;

    /// That many, or `None` where there is no room (rule G4).
    fn times(&self, by: &By) -> Option<Self::Product>;
}

impl Multiply for i64 {
    type Product = i64;

    #[inline(always)]
    fn times(&self, by: &i64) -> Option<i64> {
        self.checked_mul(*by)
    }
}

impl<A: Multiply<i64>, B: Multiply<i64>> Multiply<i64> for (A, B) {
    type Product = (A::Product, B::Product);

    fn times(&self, by: &i64) -> Option<Self::Product> {
        Some((self.0.times(by)?, self.1.times(by)?))
    }
}

impl<A: Abelian, B: Abelian> ToDiff for (A, B) {
    type Diff = (A, B);

    #[inline(always)]
    fn to_diff(self) -> (A, B) {
        self
    }
}

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
    type Diff: Abelian;

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
