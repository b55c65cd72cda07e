//! Changes that stay as they are.

use std::ops::Range;

use super::columns::{Diffs, Starts, shrink};
use crate::envelope::{Abelian, Keyed};
use crate::time::Rounds;

/// Changes in order of key, value and rounds, each of these once, and none of zero.
///
/// In columns: the keys, each once, with where its changes begin; of each change the value, the rounds (nothing outside of loops) and
/// the multiplicity (once, if it is the same of all). At most 2^32 changes.
#[derive(Clone, Debug)]
pub struct Batch<K, V, P, R> {
    keys: Vec<K>,
    /// Every 64th key, so that a look-up among many keys reads few places that lie far apart.
    fences: Vec<K>,
    starts: Starts,
    values: Vec<V>,
    rounds: Vec<P>,
    diffs: Diffs<R>,
    /// How many changes may come: nothing more than a hint.
    room: usize,
}

const FENCE: usize = 64;

impl<K, V, P, R> Batch<K, V, P, R> {
    /// How many changes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The keys, in order.
    #[inline]
    pub fn keys(&self) -> &[K] {
        &self.keys
    }

    /// The places of the changes of key number `key`.
    #[inline]
    pub fn changes(&self, key: usize) -> Range<usize> {
        let end = if key + 1 < self.keys.len() { self.starts.of(key + 1) } else { self.values.len() };
        self.starts.of(key)..end
    }

    /// The number of the key whose change is at a place.
    pub(super) fn key_at(&self, place: usize) -> usize {
        self.starts.key_at(place)
    }

    /// The value of the change at a place.
    #[inline]
    pub fn value(&self, place: usize) -> &V {
        &self.values[place]
    }

    /// Its rounds.
    #[inline]
    pub fn rounds(&self, place: usize) -> &P {
        &self.rounds[place]
    }
}

impl<K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Batch<K, V, P, R> {
    /// No changes, and room for so many keys and changes.
    pub(super) fn with_room(keys: usize, room: usize) -> Self {
        Batch {
            keys: Vec::with_capacity(keys),
            fences: Vec::new(),
            starts: Starts::default(),
            values: Vec::with_capacity(room),
            rounds: Vec::with_capacity(room),
            diffs: Diffs::Same(None),
            room,
        }
    }

    /// The changes of a time at these rounds, [consolidated](crate::differential::consolidation::consolidate), which are taken out of `changes`.
    pub fn at_time(rounds: P, changes: &mut Vec<(Keyed<K, V>, R)>) -> Self {
        let mut batch = Batch::with_room(0, changes.len());
        for (Keyed { key, value }, diff) in changes.drain(..) {
            batch.push(key, value, rounds, diff);
        }
        batch.finished()
    }

    /// Changes at any rounds, [consolidated](crate::differential::consolidation::consolidate_rounds), which are taken out of `changes`.
    pub fn at_rounds(changes: &mut Vec<(Keyed<K, V>, P, R)>) -> Self {
        let mut batch = Batch::with_room(0, changes.len());
        for (Keyed { key, value }, rounds, diff) in changes.drain(..) {
            batch.push(key, value, rounds, diff);
        }
        batch.finished()
    }

    /// The multiplicity of the change at a place.
    #[inline]
    pub fn diff(&self, place: usize) -> &R {
        self.diffs.of(place)
    }

    #[inline]
    fn push(&mut self, key: K, value: V, rounds: P, diff: R) {
        if self.keys.last().is_none_or(|last| *last < key) {
            self.open(key);
        }
        self.push_change(value, rounds, diff);
    }

    /// Goes on to the next key.
    #[inline]
    pub(super) fn open(&mut self, key: K) {
        self.starts.push(self.keys.len(), self.values.len(), self.keys.capacity());
        self.keys.push(key);
    }

    /// Adds a change of the last key.
    #[inline]
    pub(super) fn push_change(&mut self, value: V, rounds: P, diff: R) {
        self.diffs.push(self.values.len(), diff, self.room);
        self.values.push(value);
        self.rounds.push(rounds);
    }

    /// Adds changes of the last key out of another batch.
    pub(super) fn extend_changes(&mut self, other: &Self, places: Range<usize>) {
        self.diffs.extend(self.values.len(), &other.diffs, places.clone(), self.room);
        self.values.extend_from_slice(&other.values[places.clone()]);
        self.rounds.extend_from_slice(&other.rounds[places]);
    }

    /// Adds the next keys, out of another batch, with their changes; there is at least one.
    pub(super) fn extend_keys(&mut self, other: &Self, keys: Range<usize>) {
        let places = other.changes(keys.start).start..other.changes(keys.end - 1).end;
        let (key, start) = (self.keys.len(), self.values.len());
        self.keys.extend_from_slice(&other.keys[keys.clone()]);
        self.starts.extend(key, start, &other.starts, keys, self.keys.capacity());
        self.extend_changes(other, places);
    }

    /// Nothing more is added.
    pub(super) fn finished(mut self) -> Self {
        if self.keys.len() > 4 * FENCE {
            self.fences = self.keys.iter().step_by(FENCE).cloned().collect();
        }
        shrink(&mut self.keys);
        shrink(&mut self.values);
        shrink(&mut self.rounds);
        self.starts.shrink();
        self.diffs.shrink();
        self
    }

    /// The number of the first key, from number `from` on, that is not less than `key`.
    #[inline]
    pub fn seek(&self, from: usize, key: &K) -> usize {
        let rest = &self.keys[from..];
        if rest.first().is_none_or(|first| first >= key) {
            return from;
        }
        if from == 0 && !self.fences.is_empty() {
            return self.seek_far(from, key);
        }
        let mut reach = 1;
        while reach <= FENCE && reach < rest.len() && rest[reach] < *key {
            reach *= 2;
        }
        if reach > FENCE && !self.fences.is_empty() {
            return self.seek_far(from, key);
        }
        let (low, high) =
            if reach > FENCE { (reach / 2, rest.len()) } else { (reach / 2, reach.min(rest.len())) };
        from + low + rest[low..high].partition_point(|other| other < key)
    }

    /// As [`seek`](Batch::seek), of a key that is not near.
    fn seek_far(&self, from: usize, key: &K) -> usize {
        let passed = from / FENCE;
        let fence = passed + self.fences[passed..].partition_point(|other| other < key);
        // The key is behind the fence before, and not behind this one.
        let low = (fence.max(1) - 1) * FENCE;
        let high = (fence * FENCE + 1).min(self.keys.len());
        let low = low.max(from);
        low + self.keys[low..high].partition_point(|other| other < key)
    }
}
