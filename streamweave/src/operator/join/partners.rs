//! What a window keeps where it only matters whether a left row has a partner: semi and anti joins.

use std::hash::{BuildHasher, Hash};

use crate::state::records::record;
use crate::state::{Arrivals, Fields, Mismatch, Rest, SameKey, Storable};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::sides::{ByKey, Side};

/// The left rows of a window by arrival, each with its key, and the keys of the right. A left row is looked up once, when the window fires.
#[derive(Clone, Debug)]
pub struct Partners<K, L> {
    lefts: Vec<(K, L)>,
    rights: Keys<K>,
    /// What has yet to be saved: of a left row its place, of the right each key.
    arrivals: Arrivals<Side<u32, K>>,
}

impl<K, L> Default for Partners<K, L> {
    fn default() -> Self {
        Partners { lefts: Vec::new(), rights: Keys(HashTable::new()), arrivals: Arrivals::new() }
    }
}

impl<K: Hash + Eq + Clone, L> Partners<K, L> {
    /// Keeps a row of the left side.
    #[inline(always)]
    pub(super) fn push_left(&mut self, key: K, row: L) {
        if self.arrivals.is_tracked() {
            self.note_left();
        }
        self.lefts.push((key, row));
    }

    /// Notes that there is a row of the right side.
    #[inline(always)]
    pub(super) fn note_right(&mut self, key: K) {
        if self.arrivals.is_tracked() {
            self.note_key(&key);
        }
        self.rights.insert(key);
    }

    /// Notes a left row that is to be saved. It stands apart: where nothing is saved the way of a row is as short as it can be.
    #[cold]
    #[inline(never)]
    fn note_left(&mut self) {
        self.arrivals.note(Side::Left(place(self.lefts.len())));
    }

    /// Notes a key of the right, unless it is known.
    #[cold]
    #[inline(never)]
    fn note_key(&mut self, key: &K) {
        if !self.rights.contains(key) {
            self.arrivals.note(Side::Right(key.clone()));
        }
    }

    /// Takes the left rows, by arrival, each with whether it has a partner. What was allocated stays for another window.
    pub(super) fn drain(&mut self, mut each: impl FnMut(K, L, bool)) {
        let Partners { lefts, rights, .. } = self;
        for (key, row) in lefts.drain(..) {
            let has_partner = rights.contains(&key);
            each(key, row, has_partner);
        }
        rights.0.clear();
    }
}

/// The place of a left row behind so many.
#[inline]
fn place(before: usize) -> u32 {
    u32::try_from(before).expect("at most 2^32 rows of a side in one window")
}

impl<K: Clone, L> Partners<K, L> {
    /// The left rows by arrival, and the keys of the right.
    fn all(&self) -> Vec<Side<u32, K>> {
        let rights = self.rights.0.iter().map(|key| Side::Right(key.clone()));
        (0..place(self.lefts.len())).map(Side::Left).chain(rights).collect()
    }
}

impl<K: Storable, L: Storable> Partners<K, L> {
    fn write(&self, arrival: &Side<u32, K>, number: u32, bytes: &mut Vec<u8>) {
        match arrival {
            Side::Left(place) => {
                let (key, row) = &self.lefts[*place as usize];
                record(number, Some(key), &Side::<&L, ()>::Left(row), bytes);
            }
            Side::Right(key) => record(number, Some(key), &Side::<&L, ()>::Right(()), bytes),
        }
    }
}

impl<K: Storable + Hash + Eq + Clone, L: Storable> ByKey for Partners<K, L> {
    type Key = K;

    fn saved() -> Self {
        Partners { arrivals: Arrivals::tracked(), ..Partners::default() }
    }

    fn visit(&mut self, name: &str, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let write = |arrival: &_, number, bytes: &mut _| self.write(arrival, number, bytes);
        let loaded = fields.arrivals(name, &mut arrivals, || self.all(), write)?;
        for (key, row) in loaded {
            match row {
                Side::Left(row) => self.push_left(key, row),
                Side::Right(()) => self.note_right(key),
            }
        }
        self.arrivals = arrivals;
        Ok(())
    }

    fn leave(&mut self) -> Option<Rest> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let rest =
            arrivals.empty::<K, Side<L, ()>>(|arrival, number, bytes| self.write(arrival, number, bytes));
        self.arrivals = arrivals;
        rest
    }

    fn is_empty(&self) -> bool {
        self.lefts.is_empty() && self.rights.0.is_empty()
    }

    fn absorb(&mut self, mut other: Self, mut keep: impl FnMut(&K) -> bool) -> Result<(), SameKey> {
        // What comes in this way is not noted: the next cut asks for all.
        self.arrivals = Arrivals::new();
        let (of_lefts, behind) = (self.lefts.len(), other.lefts.into_iter().filter(|(key, _)| keep(key)));
        self.lefts.extend(behind);
        let (own, others) = self.lefts.split_at(of_lefts);
        let mut known = Keys(HashTable::with_capacity(own.len()));
        own.iter().for_each(|(key, _)| known.insert(key));
        let is_known = |key: &K| known.contains(&key) || self.rights.contains(key);
        if others.iter().any(|(key, _)| is_known(key))
            || other.rights.0.iter().any(|key| keep(key) && is_known(key))
        {
            return Err(SameKey);
        }
        other.rights.0.drain().filter(|key| keep(key)).for_each(|key| self.rights.insert(key));
        Ok(())
    }
}

/// Keys, each once. What comes out of them in no order is never seen.
///
/// The hasher is no field, so that a hash does not wait until it is known which of several windows is asked.
#[derive(Clone, Debug)]
struct Keys<K>(HashTable<K>);

impl<K: Hash + Eq> Keys<K> {
    #[inline(always)]
    fn insert(&mut self, key: K) {
        let hasher = FixedState::default();
        let hash = hasher.hash_one(&key);
        if let Entry::Vacant(vacant) =
            self.0.entry(hash, |other| *other == key, |other| hasher.hash_one(other))
        {
            vacant.insert(key);
        }
    }

    #[inline(always)]
    fn contains(&self, key: &K) -> bool {
        self.0.find(FixedState::default().hash_one(key), |other| other == key).is_some()
    }
}
