//! A trace by key.

use super::Batch;
use crate::differential::consolidation::consolidate_rounds;
use crate::envelope::Abelian;
use crate::time::{Lattice, Rounds};

/// What is kept of a key: each value with the rounds from which on a multiplicity counts, added up and in order.
pub type Kept<'k, 'a, V, P, R> = &'k [(&'a V, P, R)];

/// Goes through a trace by ascending keys.
///
/// To seek a key near the last one costs what lies between, to seek one far from it the logarithm of the trace's size.
#[derive(Debug)]
pub struct Cursor<'a, K, V, P, R> {
    /// The batches, each with the number of the first key that was not passed.
    batches: Vec<(&'a Batch<K, V, P, R>, usize)>,
    kept: Vec<(&'a V, P, R)>,
}

impl<'a, K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Cursor<'a, K, V, P, R> {
    pub(super) fn new(batches: Vec<&'a Batch<K, V, P, R>>) -> Self {
        Cursor { batches: batches.into_iter().map(|batch| (batch, 0)).collect(), kept: Vec::new() }
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
    ) -> Result<Kept<'_, 'a, V, P, R>, TooMany> {
        self.seek_rounds(key, |rounds| time.rounds().join(rounds))
    }

    /// The rounds of everything that is kept of a key, as they are.
    ///
    /// # Errors
    ///
    /// There is more than can be counted (rule G4).
    #[inline]
    pub fn seek_all(&mut self, key: &K) -> Result<Kept<'_, 'a, V, P, R>, TooMany> {
        self.seek_rounds(key, |rounds| rounds)
    }

    #[inline]
    fn seek_rounds(&mut self, key: &K, at: impl Fn(P) -> P) -> Result<Kept<'_, 'a, V, P, R>, TooMany> {
        self.kept.clear();
        let mut found = 0;
        for (batch, passed) in &mut self.batches {
            *passed = batch.seek(*passed, key);
            if batch.keys().get(*passed).is_some_and(|found| found == key) {
                found += 1;
                let changes = batch
                    .changes(*passed)
                    .map(|place| (batch.value(place), at(*batch.rounds(place)), batch.diff(place).clone()));
                self.kept.extend(changes);
            }
        }
        // Those of one batch are each there once, unless their rounds have come to the same.
        if found > 1 || P::DEPTH > 0 {
            consolidate_rounds(&mut self.kept).map_err(|_| TooMany)?;
        }
        Ok(&self.kept)
    }
}

/// There is more of a key than can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;
