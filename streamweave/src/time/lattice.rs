//! Times at which changes accumulate.

use std::fmt::{Debug, Display};
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{EventTime, LogicalTime, Timestamp};

/// A time at which changes accumulate: what holds at a time is the sum of the changes at all times that
/// [count](Lattice::covers) there.
///
/// Outside of loops times are ordered totally, and a change counts from its time on. In a loop a time is
/// [`Nested`](super::Nested): a change at time `t` in round `r` counts at `t` and later *and* in round `r` and later, so two
/// times need not be comparable. The loop works on its times one after the other, in lexicographic order; that is the
/// order of [`Ord`] and of [frontiers](super::Frontier). By the time at hand every change that an operator knows of has
/// an outer time that counts; so all that it has to keep of a change's time is its [rounds](Lattice::Rounds), which are
/// nothing outside of loops.
///
/// # Contract
///
/// For a time `t` at hand and a time `p` that was worked on before it, `t.covers(p.rounds())` says whether the
/// change at `p` counts at `t`, and `t.join(p.rounds())` is the least time at or after both.
/// [`Ord`] extends that partial order. Messages show a time by its [`Display`]: `at time 4`.
pub trait Lattice: Timestamp + Ord + Copy + Hash + Display {
    /// What is left of a time once it has been worked on.
    type Rounds: Rounds;

    /// The rounds of the loops around, the outermost first.
    fn rounds(&self) -> Self::Rounds;

    /// The same time outside of the loops, at other rounds.
    #[must_use]
    fn at_rounds(&self, rounds: Self::Rounds) -> Self;

    /// Whether a change at these rounds, of a time worked on before, counts at this time.
    #[inline]
    fn covers(&self, rounds: Self::Rounds) -> bool {
        rounds.precedes(self.rounds())
    }

    /// The least time, not before this one, at which a change at these rounds counts.
    #[inline]
    #[must_use]
    fn join(&self, rounds: Self::Rounds) -> Self {
        self.at_rounds(self.rounds().join(rounds))
    }
}

/// The rounds of nested loops: nothing, or the rounds of the loops outside and that of the innermost one.
pub trait Rounds:
    Copy + Ord + Debug + Default + Hash + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Whether each round is at most the other's.
    fn precedes(self, other: Self) -> bool;

    /// The greater of each.
    #[must_use]
    fn join(self, other: Self) -> Self;

    /// The rounds, the outermost first, and then zeros.
    fn path(self) -> Path;

    /// The rounds at the beginning of a path.
    fn of_path(path: Path) -> Self;

    /// How many loops there are around.
    const DEPTH: usize;
}

/// Loops nest at most so deep.
pub const MAX_LOOPS: usize = 4;

/// The rounds of nested loops, whatever their number: the outermost first, and then zeros.
pub type Path = [u32; MAX_LOOPS];

impl Rounds for () {
    const DEPTH: usize = 0;

    #[inline(always)]
    fn precedes(self, (): ()) -> bool {
        true
    }

    #[inline(always)]
    fn join(self, (): ()) {}

    fn path(self) -> Path {
        [0; MAX_LOOPS]
    }

    fn of_path(_path: Path) {}
}

impl<O: Rounds> Rounds for (O, u32) {
    const DEPTH: usize = {
        assert!(O::DEPTH < MAX_LOOPS, "loops nest at most four deep");
        O::DEPTH + 1
    };

    #[inline(always)]
    fn precedes(self, other: Self) -> bool {
        self.1 <= other.1 && self.0.precedes(other.0)
    }

    #[inline(always)]
    fn join(self, other: Self) -> Self {
        (self.0.join(other.0), self.1.max(other.1))
    }

    #[inline]
    fn path(self) -> Path {
        let mut path = self.0.path();
        path[O::DEPTH] = self.1;
        path
    }

    #[inline]
    fn of_path(path: Path) -> Self {
        (O::of_path(path), path[O::DEPTH])
    }
}

macro_rules! total {
    ($($time:ty),*) => {$(
        impl Lattice for $time {
            type Rounds = ();

            #[inline(always)]
            fn rounds(&self) {}

            #[inline(always)]
            fn at_rounds(&self, (): ()) -> Self {
                *self
            }
        }
    )*};
}

total!(LogicalTime, EventTime);
