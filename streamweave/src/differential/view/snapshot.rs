//! A collection as it was at a time.

use std::borrow::Borrow;
use std::fmt::{self, Debug};
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use super::Rows;
use crate::differential::trace::Batch;
use crate::envelope::Abelian;
use crate::time::{Frontier, Timestamp};

/// A collection as of a closed time, by key; it stays as it is.
///
/// Of each row it is known how many there are: `R`, usually a number. To clone it is to copy a pointer.
///
/// It consists of a few sorted batches, about the logarithm of its size. A look-up is one in each of them.
pub struct Snapshot<K, V, T: Timestamp, R = i64> {
    batches: Batches<K, V, R>,
    /// How many keys there are.
    keys: usize,
    frontier: Frontier<T>,
}

/// What comes to the collection when it is added up.
pub(super) type Batches<K, V, R> = Arc<[Arc<Batch<K, V, (), R>>]>;

impl<K, V, T: Timestamp, R> Snapshot<K, V, T, R> {
    /// What these batches come to, which has so many keys.
    pub(super) fn new(batches: Batches<K, V, R>, keys: usize, frontier: Frontier<T>) -> Self {
        Snapshot { batches, keys, frontier }
    }

    pub(super) fn batches(&self) -> &[Arc<Batch<K, V, (), R>>] {
        &self.batches
    }

    /// The same, of which it is known that it still holds.
    pub(super) fn as_of(&self, frontier: Frontier<T>) -> Self {
        Snapshot { frontier, ..self.clone() }
    }

    /// As of when it is: with every change of the times that this frontier [closes](Frontier::closes), and no other. The end, where
    /// nothing can change any more.
    pub fn frontier(&self) -> &Frontier<T> {
        &self.frontier
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }
}

impl<K: Ord + Clone, V: Ord + Clone, T: Timestamp, R: Abelian> Snapshot<K, V, T, R> {
    /// The values of a key, in order, each with how many there are of it. Rows of a null key are found by it, too: a look-up goes by
    /// the order of keys.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Vec<(&V, R)>
    where
        K: Borrow<Q>,
    {
        of_key(&self.batches, key).map(|(_, value, diff)| (value, diff)).collect()
    }

    /// Whether there is anything of a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        of_key(&self.batches, key).next().is_some()
    }

    /// The rows whose keys are in a range, in order of key and value; none, where it ends before it begins.
    pub fn range<Q: Ord + ?Sized>(&self, keys: impl RangeBounds<Q>) -> Rows<'_, K, V, R>
    where
        K: Borrow<Q>,
    {
        Rows::new(&self.batches, |batch| {
            let start = match keys.start_bound() {
                Bound::Unbounded => 0,
                Bound::Included(key) => before(batch, key),
                Bound::Excluded(key) => through(batch, key),
            };
            let end = match keys.end_bound() {
                Bound::Unbounded => batch.keys().len(),
                Bound::Included(key) => through(batch, key),
                Bound::Excluded(key) => before(batch, key),
            };
            start..end
        })
    }

    /// All rows, in order of key and value.
    pub fn iter(&self) -> Rows<'_, K, V, R> {
        Rows::new(&self.batches, |batch| 0..batch.keys().len())
    }
}

/// The rows of a key.
pub(super) fn of_key<'a, K, V, R, Q>(batches: &'a [Arc<Batch<K, V, (), R>>], key: &Q) -> Rows<'a, K, V, R>
where
    K: Borrow<Q> + Ord + Clone,
    V: Ord + Clone,
    R: Abelian,
    Q: Ord + ?Sized,
{
    Rows::new(batches, |batch| found(batch, key))
}

/// How many keys of a batch are less than `key`.
fn before<K: Borrow<Q>, V, P, R, Q: Ord + ?Sized>(batch: &Batch<K, V, P, R>, key: &Q) -> usize {
    batch.keys().partition_point(|other| other.borrow() < key)
}

/// How many keys of a batch are at most `key`.
fn through<K: Borrow<Q>, V, P, R, Q: Ord + ?Sized>(batch: &Batch<K, V, P, R>, key: &Q) -> usize {
    batch.keys().partition_point(|other| other.borrow() <= key)
}

/// The number of a key in a batch, if it is there.
fn found<K: Borrow<Q>, V, P, R, Q: Ord + ?Sized>(batch: &Batch<K, V, P, R>, key: &Q) -> Range<usize> {
    let place = before(batch, key);
    let is_there = batch.keys().get(place).is_some_and(|other| other.borrow().cmp(key).is_eq());
    place..place + usize::from(is_there)
}

impl<'a, K: Ord + Clone, V: Ord + Clone, T: Timestamp, R: Abelian> IntoIterator for &'a Snapshot<K, V, T, R> {
    type Item = (&'a K, &'a V, R);
    type IntoIter = Rows<'a, K, V, R>;

    fn into_iter(self) -> Rows<'a, K, V, R> {
        self.iter()
    }
}

impl<K, V, T: Timestamp, R> Clone for Snapshot<K, V, T, R> {
    fn clone(&self) -> Self {
        Snapshot { batches: Arc::clone(&self.batches), keys: self.keys, frontier: self.frontier.clone() }
    }
}

impl<K, V, T: Timestamp, R> Debug for Snapshot<K, V, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("frontier", &self.frontier)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
