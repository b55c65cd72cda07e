//! A trace by key.

use std::ops::Range;

use super::Batch;
use crate::differential::consolidation::consolidate_rounds;
use crate::envelope::{Abelian, Keyed};
use crate::time::{Lattice, Rounds};

/// What is kept of a key: each value with the rounds from which on a multiplicity counts, added up and in order.
#[derive(Debug)]
pub enum Kept<'k, 'a, K, V, P, R> {
    /// As it stands in a batch: outside of loops, mostly.
    In(&'a Batch<K, V, P, R>, Range<usize>),
    /// Out of several.
    Gathered(&'k [(&'a V, P, R)]),
}

impl<'a, K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Kept<'_, 'a, K, V, P, R> {
    /// Nothing.
    pub const NONE: Self = Kept::Gathered(&[]);

    /// Whether nothing is kept.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Kept::In(_, places) => places.is_empty(),
            Kept::Gathered(kept) => kept.is_empty(),
        }
    }

    /// The rounds of the first, and its multiplicity.
    #[inline]
    pub fn into_first(self) -> Option<(P, R)> {
        match self {
            Kept::In(batch, places) => {
                let place = places.into_iter().next()?;
                Some((*batch.rounds(place), batch.diff(place).clone()))
            }
            Kept::Gathered(kept) => kept.first().map(|(_, rounds, diff)| (*rounds, diff.clone())),
        }
    }

    /// Calls a function with each value, its rounds and its multiplicity, until it gives `None`.
    #[inline]
    pub fn try_each(&self, mut f: impl FnMut(&'a V, P, &R) -> Option<()>) -> Option<()> {
        match self {
            Kept::In(batch, places) => places
                .clone()
                .try_for_each(|place| f(batch.value(place), *batch.rounds(place), batch.diff(place))),
            Kept::Gathered(kept) => kept.iter().try_for_each(|(value, rounds, diff)| f(value, *rounds, diff)),
        }
    }
}

/// There are two batches a level at most, and at most 2^32 changes in a batch.
const MOST: usize = 20;

/// Goes through a trace by ascending keys.
///
/// To seek a key near the last one costs what lies between, to seek one far from it the logarithm of the trace's size.
#[derive(Debug)]
pub struct Cursor<'a, K, V, P, R> {
    /// What came last, sorted, without the keys that were passed.
    recent: &'a [(Keyed<K, V>, P, R)],
    /// The batches, each with the number of the first key that was not passed.
    batches: [Option<(&'a Batch<K, V, P, R>, usize)>; MOST],
    gathered: Vec<(&'a V, P, R)>,
}

impl<'a, K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Cursor<'a, K, V, P, R> {
    #[inline]
    pub(super) fn new(
        recent: &'a [(Keyed<K, V>, P, R)],
        all: impl Iterator<Item = &'a Batch<K, V, P, R>>,
    ) -> Self {
        let mut batches = [None; MOST];
        let mut places = batches.iter_mut();
        for batch in all {
            *places.next().expect("there are two batches a level at most") = Some((batch, 0));
        }
        Cursor { recent, batches, gathered: Vec::new() }
    }

    /// Through these batches, of one collection.
    pub(in crate::differential) fn of_batches(all: impl Iterator<Item = &'a Batch<K, V, P, R>>) -> Self {
        Cursor::new(&[], all)
    }

    /// What is kept of a key, as it counts at a time or, where that is not comparable, at the times that join it. Keys
    /// have to be sought in ascending order; one may be sought again.
    ///
    /// # Errors
    ///
    /// There is more than can be counted (rule G4).
    #[inline]
    pub fn seek<T: Lattice<Rounds = P>>(
        &mut self,
        key: &K,
        time: &T,
    ) -> Result<Kept<'_, 'a, K, V, P, R>, TooMany> {
        self.seek_with(key, time, &[])
    }

    /// As [`seek`](Cursor::seek), with changes of that key at that time, which are not kept yet.
    ///
    /// # Errors
    ///
    /// There is more than can be counted (rule G4).
    #[inline]
    pub fn seek_with<T: Lattice<Rounds = P>>(
        &mut self,
        key: &K,
        time: &T,
        changes: &'a [(Keyed<K, V>, R)],
    ) -> Result<Kept<'_, 'a, K, V, P, R>, TooMany> {
        let now = time.rounds();
        self.gather(key, |rounds| now.join(rounds), changes.iter().map(|(row, diff)| (&row.value, now, diff)))
    }

    /// Everything that is kept of a key, with the rounds as they are.
    ///
    /// # Errors
    ///
    /// There is more than can be counted (rule G4).
    #[inline]
    pub fn seek_all(&mut self, key: &K) -> Result<Kept<'_, 'a, K, V, P, R>, TooMany> {
        self.gather(key, |rounds| rounds, std::iter::empty())
    }

    #[inline]
    fn gather(
        &mut self,
        key: &K,
        at: impl Fn(P) -> P,
        changes: impl Iterator<Item = (&'a V, P, &'a R)>,
    ) -> Result<Kept<'_, 'a, K, V, P, R>, TooMany> {
        self.gathered.clear();
        self.gathered.extend(changes.map(|(value, rounds, diff)| (value, rounds, diff.clone())));
        let passed = self.recent.partition_point(|(row, ..)| row.key < *key);
        self.recent = &self.recent[passed..];
        let recent = self.recent.iter().take_while(|(row, ..)| row.key == *key);
        self.gathered.extend(recent.map(|(row, rounds, diff)| (&row.value, at(*rounds), diff.clone())));
        let mut first = None;
        for (batch, passed) in self.batches.iter_mut().map_while(Option::as_mut) {
            *passed = batch.seek(*passed, key);
            if batch.keys().get(*passed).is_none_or(|found| found != key) {
                continue;
            }
            let places = batch.changes(*passed);
            // Those of one batch are each there once, unless their rounds come to the same.
            if P::DEPTH == 0 && first.is_none() && self.gathered.is_empty() {
                first = Some((*batch, places));
            } else {
                for (batch, places) in first.take().into_iter().chain([(*batch, places)]) {
                    let changes = places.map(|place| {
                        (batch.value(place), at(*batch.rounds(place)), batch.diff(place).clone())
                    });
                    self.gathered.extend(changes);
                }
            }
        }
        if let Some((batch, places)) = first {
            return Ok(Kept::In(batch, places));
        }
        if self.gathered.len() > 1 {
            consolidate_rounds(&mut self.gathered).map_err(|_| TooMany)?;
        }
        Ok(Kept::Gathered(&self.gathered))
    }
}

/// There is more of a key than can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;
