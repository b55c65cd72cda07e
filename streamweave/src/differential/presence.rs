//! Which keys are there.

use std::fmt::Debug;

use super::consolidation::consolidate;
use super::trace::{Cursor, Spine, TooMany, trace};
use super::{Later, Unsound};
use crate::envelope::Keyed;
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::{Lattice, Rounds};

/// Changes of keys, without rows.
pub(super) type KeyChanges<K> = Vec<(Keyed<K, ()>, i64)>;

/// The keys of a collection as a set: one is there where there are rows of it, however many.
///
/// What it comes to does not add up, so in a loop a change moves more than the time that it is at. A key is looked at again wherever a
/// change of it joins another: what is kept of it at rounds that are not comparable may come to something else there.
#[derive(Clone, Debug)]
pub(super) struct Presence<K, P> {
    counts: Spine<K, (), P, i64>,
    present: Spine<K, (), P, i64>,
}

impl<K, P> Default for Presence<K, P> {
    fn default() -> Self {
        Presence { counts: Spine::default(), present: Spine::default() }
    }
}

impl<K: Storable + Ord + Clone, P: Rounds> State for Presence<K, P> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        trace(fields, "counts", &mut self.counts)?;
        trace(fields, "present", &mut self.present)
    }
}

impl<K: Ord + Clone + Debug, P: Rounds> Presence<K, P> {
    /// The set, without what is being worked on.
    pub(super) fn cursor(&self) -> Cursor<'_, K, (), P, i64> {
        self.present.cursor()
    }

    /// Counts rows, and gives what that changes of the set at this time: to be [settled](Presence::settle) afterwards.
    pub(super) fn work<T: Lattice<Rounds = P>>(
        &mut self,
        time: &T,
        mut rows: KeyChanges<K>,
        again: &[K],
        later: &mut Later<T, K>,
    ) -> Result<KeyChanges<K>, Unsound> {
        // A key that is looked at again is one of which nothing changes.
        rows.extend(again.iter().map(|key| (Keyed { key: key.clone(), value: () }, 0)));
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut flips = KeyChanges::new();
        let mut counts = self.counts.cursor();
        let mut present = self.present.cursor();
        for rows in rows.chunk_by(|(one, _), (other, _)| one == other) {
            let key = &rows[0].0.key;
            let mut look = || {
                let count = at(time, counts.seek_with(key, time, rows)?.into_first());
                let flip = i64::from(count > 0) - at(time, present.seek(key, time)?.into_first());
                if P::DEPTH > 0 {
                    let mut note = |_: &(), rounds, _: &i64| {
                        let join = time.join(rounds);
                        if join != *time {
                            later.push(join, key.clone());
                        }
                        Some(())
                    };
                    counts.seek_all(key)?.try_each(&mut note);
                    present.seek_all(key)?.try_each(&mut note);
                }
                Ok((count, flip))
            };
            let (count, flip) = look().map_err(|TooMany| Unsound::too_many(key, time))?;
            if count < 0 {
                return Err(Unsound::negative(key, time));
            }
            if flip != 0 {
                flips.push((Keyed { key: key.clone(), value: () }, flip));
            }
        }
        let too_many = |key: K| Unsound::too_many(&key, time);
        consolidate(&mut rows).map_err(|row| too_many(row.key))?;
        self.counts.insert(time.rounds(), &mut rows).map_err(too_many)?;
        Ok(flips)
    }

    /// Takes what the last work gave into the set.
    pub(super) fn settle(&mut self, rounds: P, flips: &mut KeyChanges<K>) -> Result<(), K> {
        self.present.insert(rounds, flips)
    }
}

/// What has added up at a time: it is kept before all that comes to be at times that join it.
fn at<T: Lattice>(time: &T, first: Option<(T::Rounds, i64)>) -> i64 {
    first.filter(|(rounds, _)| *rounds == time.rounds()).map_or(0, |(_, diff)| diff)
}
