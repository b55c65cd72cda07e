//! The rows of a group at a time.

use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::iter::Peekable;

use super::history::History;
use super::reducer::Reduction;
use crate::differential::Unsound;
use crate::envelope::Abelian;
use crate::time::{Lattice, Rounds};

/// What is wrong with a group.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Negative,
    TooMany,
}

impl Fault {
    #[cold]
    pub(super) fn of(self, key: &impl Debug, time: &impl Display) -> Unsound {
        match self {
            Fault::Negative => Unsound::negative(key, time),
            Fault::TooMany => Unsound::too_many(key, time),
        }
    }
}

/// The rows of a group at a time: different values, each with how much of it there is, which is not zero.
///
/// Only what is asked for is added up. Where a group cannot be, its rows end, and the operator fails.
pub struct Group<'a, L: Reduction + ?Sized, T: Lattice> {
    history: &'a History<L::Value, T::Rounds, L::Weight>,
    rounds: T::Rounds,
    fault: &'a Cell<Option<Fault>>,
}

impl<'a, L: Reduction + ?Sized, T: Lattice> Group<'a, L, T> {
    pub(super) fn new(
        history: &'a History<L::Value, T::Rounds, L::Weight>,
        time: &T,
        fault: &'a Cell<Option<Fault>>,
    ) -> Self {
        Group { history, rounds: time.rounds(), fault }
    }

    /// The least first.
    #[inline]
    pub fn ascending(&self) -> impl Iterator<Item = (&'a L::Value, L::Weight)> {
        Sums::new(self.history.iter(), self.rounds, L::is_sound, self.fault)
    }

    /// The greatest first.
    #[inline]
    pub fn descending(&self) -> impl Iterator<Item = (&'a L::Value, L::Weight)> {
        Sums::new(self.history.iter().rev(), self.rounds, L::is_sound, self.fault)
    }

    /// Whether something is wrong with what was asked for.
    pub fn is_faulty(&self) -> bool {
        self.fault.get().is_some()
    }

    /// What there is of a group whose rows are all added up.
    #[inline]
    pub fn sum(&self) -> Option<L::Weight> {
        self.ascending().next().map(|(_, weight)| weight)
    }
}

/// What the changes of each value come to at some rounds; those that come to nothing are left out.
pub(super) struct Sums<'a, I: Iterator, P, F> {
    changes: Peekable<I>,
    rounds: P,
    is_sound: F,
    fault: &'a Cell<Option<Fault>>,
}

impl<'a, I: Iterator, P, F> Sums<'a, I, P, F> {
    #[inline]
    pub(super) fn new(changes: I, rounds: P, is_sound: F, fault: &'a Cell<Option<Fault>>) -> Self {
        Sums { changes: changes.peekable(), rounds, is_sound, fault }
    }
}

impl<'a, I, V, P, R, F> Iterator for Sums<'_, I, P, F>
where
    I: Iterator<Item = (&'a V, &'a P, &'a R)>,
    V: Ord + 'a,
    P: Rounds,
    R: Abelian,
    F: Fn(&R) -> bool,
{
    type Item = (&'a V, R);

    #[inline]
    fn next(&mut self) -> Option<(&'a V, R)> {
        loop {
            let (value, at, by) = self.changes.next()?;
            let mut sum = if at.precedes(self.rounds) { by.clone() } else { R::zero() };
            while let Some((_, at, by)) = self.changes.next_if(|(other, ..)| *other == value) {
                if at.precedes(self.rounds) && !sum.add(by) {
                    self.fault.set(Some(Fault::TooMany));
                    return None;
                }
            }
            if sum.is_zero() {
                continue;
            }
            if !(self.is_sound)(&sum) {
                self.fault.set(Some(Fault::Negative));
                return None;
            }
            return Some((value, sum));
        }
    }
}
