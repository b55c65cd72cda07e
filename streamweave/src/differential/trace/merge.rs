//! Two batches becoming one, bit by bit.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::Batch;
use crate::envelope::Abelian;
use crate::time::Rounds;

/// Two batches, of which one is made. Until it is done both stand for it.
#[derive(Clone, Debug)]
pub(super) struct Merge<K, V, P, R> {
    pub(super) sides: [Arc<Batch<K, V, P, R>>; 2],
    /// The keys that are done, of each.
    done: [usize; 2],
    merged: Batch<K, V, P, R>,
}

impl<K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Merge<K, V, P, R> {
    pub(super) fn new(one: Arc<Batch<K, V, P, R>>, other: Arc<Batch<K, V, P, R>>) -> Self {
        let merged = Batch::with_room(one.keys().len() + other.keys().len(), one.len() + other.len());
        Merge { sides: [one, other], done: [0, 0], merged }
    }

    /// What it came to, if it is done.
    pub(super) fn into_done(self: Box<Self>) -> Result<Batch<K, V, P, R>, Box<Self>> {
        let is_done = self.done.iter().zip(&self.sides).all(|(&done, side)| done == side.keys().len());
        if is_done { Ok(self.merged.finished()) } else { Err(self) }
    }

    /// How many changes were worked on.
    pub(super) fn worked(&self) -> usize {
        let worked = |(&done, side): (&usize, &Arc<Batch<K, V, P, R>>)| match done {
            0 => 0,
            _ => side.changes(done - 1).end,
        };
        self.done.iter().zip(&self.sides).map(worked).sum()
    }

    /// Works on about so many changes: a key is not left half done.
    pub(super) fn work(&mut self, amount: usize) -> Result<(), K> {
        let mut left = amount;
        while left > 0 {
            let [one, other] = &self.sides;
            let [at, others] = self.done;
            let worked = match (one.keys().get(at), other.keys().get(others)) {
                (None, None) => return Ok(()),
                (Some(_), None) => self.copy(0, one.keys().len(), left),
                (None, Some(_)) => self.copy(1, other.keys().len(), left),
                (Some(key), Some(others_key)) => match key.cmp(others_key) {
                    Ordering::Less => self.copy(0, one.seek(at, others_key), left),
                    Ordering::Greater => self.copy(1, other.seek(others, key), left),
                    Ordering::Equal => self.merge_key()?,
                },
            };
            left = left.saturating_sub(worked);
        }
        Ok(())
    }

    /// Takes over the keys of a side up to one, or so many of them; gives how many changes that were.
    fn copy(&mut self, side: usize, end: usize, at_most: usize) -> usize {
        let from = self.done[side];
        let keys = from..end.min(from.saturating_add(at_most));
        self.done[side] = keys.end;
        let before = self.merged.len();
        self.merged.extend_keys(&self.sides[side], keys);
        self.merged.len() - before
    }

    /// Merges the changes of a key that is in both.
    fn merge_key(&mut self) -> Result<usize, K> {
        let [one, other] = &self.sides;
        let key = &one.keys()[self.done[0]];
        let (mut at, mut others) = (one.changes(self.done[0]), other.changes(self.done[1]));
        self.done[0] += 1;
        self.done[1] += 1;
        let worked = at.len() + others.len();
        let mut merged = Opened { merged: &mut self.merged, key, is_open: false };
        while !at.is_empty() && !others.is_empty() {
            let (place, others_place) = (at.start, others.start);
            let order = one.value(place).cmp(other.value(others_place));
            match order.then_with(|| one.rounds(place).cmp(other.rounds(others_place))) {
                Ordering::Less => merged.extend(one, advance(&mut at)),
                Ordering::Greater => merged.extend(other, advance(&mut others)),
                Ordering::Equal => {
                    let mut diff = one.diff(place).clone();
                    if !diff.add(other.diff(others_place)) {
                        return Err(key.clone());
                    }
                    if !diff.is_zero() {
                        merged.open().push_change(one.value(place).clone(), *one.rounds(place), diff);
                    }
                    advance(&mut at);
                    advance(&mut others);
                }
            }
        }
        merged.extend(one, at);
        merged.extend(other, others);
        Ok(worked)
    }
}

/// Takes the first of a range.
fn advance(range: &mut Range<usize>) -> Range<usize> {
    let first = range.start;
    range.start += 1;
    first..first + 1
}

/// A batch in which a key is opened when there is a change of it.
struct Opened<'a, K, V, P, R> {
    merged: &'a mut Batch<K, V, P, R>,
    key: &'a K,
    is_open: bool,
}

impl<K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Opened<'_, K, V, P, R> {
    fn open(&mut self) -> &mut Batch<K, V, P, R> {
        if !std::mem::replace(&mut self.is_open, true) {
            self.merged.open(self.key.clone());
        }
        self.merged
    }

    fn extend(&mut self, of: &Batch<K, V, P, R>, places: Range<usize>) {
        if !places.is_empty() {
            self.open().extend_changes(of, places);
        }
    }
}
