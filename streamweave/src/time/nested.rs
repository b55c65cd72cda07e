//! Time in a loop.

use std::fmt::{self, Debug, Display};

use super::frontier::{AtMostOne, Moment, Reached};
use super::{Lattice, Timestamp};

/// A time in a loop: the time outside of it, and the round.
///
/// Changes accumulate by both, see [`Lattice`]. As a [`Timestamp`] it is ordered as a loop works: a time outside is done with
/// all its rounds before the next one begins, so a frontier in a loop is one time.
///
/// # Examples
///
/// ```
/// use streamweave::time::{Lattice, LogicalTime, Nested};
///
/// let at = |time, round| Nested { outer: LogicalTime(time), round };
/// assert!(at(1, 9) < at(2, 0));
/// // What was changed in round 9 of an earlier time counts from round 9 on.
/// assert!(!at(2, 0).covers(at(1, 9).rounds()));
/// assert_eq!(at(2, 0).join(at(1, 9).rounds()), at(2, 9));
/// // Messages show the outermost first.
/// assert_eq!(at(4, 2).to_string(), "4, round 2");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Nested<T> {
    /// The time outside.
    pub outer: T,
    /// The round, counted from 0.
    pub round: u32,
}

impl<T: Lattice> Timestamp for Nested<T> {
    type Antichain = AtMostOne<Self>;

    fn minimum() -> Self {
        Nested { outer: T::minimum(), round: 0 }
    }

    #[inline]
    fn less_equal(&self, other: &Self) -> bool {
        self <= other
    }

    fn moment(&self) -> Moment {
        self.outer.moment()
    }

    #[inline(always)]
    fn to_bits(&self) -> u64 {
        self.outer.to_bits()
    }

    fn of_bits(bits: u64) -> Reached {
        T::of_bits(bits)
    }
}

impl<T: Lattice> Lattice for Nested<T> {
    type Rounds = (T::Rounds, u32);

    #[inline(always)]
    fn rounds(&self) -> Self::Rounds {
        (self.outer.rounds(), self.round)
    }

    #[inline(always)]
    fn at_rounds(&self, (outer, round): Self::Rounds) -> Self {
        Nested { outer: self.outer.at_rounds(outer), round }
    }
}

impl<T: Display> Display for Nested<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, round {}", self.outer, self.round)
    }
}

impl<T: Debug> Debug for Nested<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, round {}", self.outer, self.round)
    }
}
