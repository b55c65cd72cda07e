//! A bounded map that forgets what was used least recently.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fields::Fields;
use super::mismatch::Mismatch;
use super::storable::{State, Storable};

/// A map of at most so many entries: a new one takes the place of that which was used least recently.
///
/// Entries stand in a list in order of use, newest first, and a table finds them by key: each operation costs constant
/// time, and a key is kept once. What is forgotten depends on the operations alone.
///
/// # Examples
///
/// ```
/// use streamweave::state::Lru;
///
/// let mut lru = Lru::new(2);
/// lru.insert("a", 1);
/// lru.insert("b", 2);
/// assert_eq!(lru.get(&"a"), Some(&mut 1));
/// lru.insert("c", 3);
/// assert_eq!(lru.get(&"b"), None, "it was used least recently");
/// assert_eq!(lru.get(&"a"), Some(&mut 1));
/// ```
#[derive(Clone, Debug)]
pub struct Lru<K, V> {
    table: HashTable<usize>,
    entries: Vec<Entry<K, V>>,
    newest: usize,
    oldest: usize,
    capacity: usize,
    hasher: FixedState,
}

#[derive(Clone, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    newer: usize,
    older: usize,
}

/// No entry.
const NONE: usize = usize::MAX;

impl<K: Hash + Eq, V> Lru<K, V> {
    /// An empty map of at most so many entries; of a map of 0 nothing is remembered.
    pub fn new(capacity: usize) -> Self {
        let (newest, oldest) = (NONE, NONE);
        let (table, hasher) = (HashTable::new(), FixedState::default());
        Lru { table, entries: Vec::new(), newest, oldest, capacity, hasher }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries there can be.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The value of a key, which is used thereby.
    #[inline]
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        let at = *self.table.find(self.hasher.hash_one(key), |at| self.entries[*at].key == *key)?;
        self.unlink(at);
        self.link(at);
        Some(&mut self.entries[at].value)
    }

    /// Sets the value of a key, which is used thereby.
    pub fn insert(&mut self, key: K, value: V) {
        if let Some(known) = self.get(&key) {
            *known = value;
            return;
        }
        if self.capacity == 0 {
            return;
        }
        let hash = self.hasher.hash_one(&key);
        let entry = Entry { key, value, newer: NONE, older: NONE };
        let at = if self.entries.len() < self.capacity {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let at = self.oldest;
            self.unlink(at);
            self.remove_from_table(at);
            self.entries[at] = entry;
            at
        };
        self.link(at);
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.table.insert_unique(hash, at, |at| hasher.hash_one(&entries[*at].key));
    }

    /// The same entries in a map of this capacity: of those that find no room the ones used least recently are forgotten.
    fn resized(self, capacity: usize) -> Self {
        let mut resized = Lru::new(capacity);
        let mut entries: Vec<Option<Entry<K, V>>> = self.entries.into_iter().map(Some).collect();
        let mut at = self.oldest;
        while let Some(Entry { key, value, newer, .. }) = entries.get_mut(at).and_then(Option::take) {
            resized.insert(key, value);
            at = newer;
        }
        resized
    }

    fn remove_from_table(&mut self, at: usize) {
        let hash = self.hasher.hash_one(&self.entries[at].key);
        if let Ok(found) = self.table.find_entry(hash, |other| *other == at) {
            found.remove();
        }
    }

    /// Takes an entry out of the order of use.
    #[inline]
    fn unlink(&mut self, at: usize) {
        let (newer, older) = (self.entries[at].newer, self.entries[at].older);
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    /// Puts an entry at the front of it.
    #[inline]
    fn link(&mut self, at: usize) {
        let older = self.newest;
        self.entries[at].newer = NONE;
        self.entries[at].older = older;
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }
}

/// The entries, the one used least recently first.
impl<K: Serialize, V: Serialize> Serialize for Lru<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = |at: usize| self.entries.get(at);
        let entries = std::iter::successors(of(self.oldest), |entry| of(entry.newer));
        serializer.collect_seq(entries.map(|entry| (&entry.key, &entry.value)))
    }
}

/// The capacity is not saved: there is room for what is there.
impl<'de, K: Deserialize<'de> + Hash + Eq, V: Deserialize<'de>> Deserialize<'de> for Lru<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<(K, V)>::deserialize(deserializer)?;
        let mut lru = Lru::new(entries.len());
        entries.into_iter().for_each(|(key, value)| lru.insert(key, value));
        Ok(lru)
    }
}

/// The capacity is what it was made with; it is not saved.
impl<K: Storable + Hash + Eq, V: Storable> State for Lru<K, V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value_and("", self, |loaded, new| {
            let saved = std::mem::replace(loaded, Lru::new(0));
            *loaded = saved.resized(new.capacity);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{decode, encode};
    use super::*;

    #[test]
    fn what_is_loaded_forgets_the_same_and_a_smaller_one_the_oldest() {
        let mut lru = Lru::new(10);
        for step in 0..200_u64 {
            lru.insert(step * 31 % 17, step);
            lru.get(&(step * 7 % 17));
        }
        let mut bytes = Vec::new();
        encode(&lru, &mut bytes);
        let load =
            |capacity| decode::<Lru<u64, u64>>(&bytes).expect("it is what was saved").resized(capacity);
        let (mut same, mut larger, mut smaller) = (load(10), load(12), load(4));
        let mut newest = Vec::new();
        let mut at = lru.newest;
        while let Some(entry) = lru.entries.get(at) {
            newest.push(entry.key);
            at = entry.older;
        }
        assert_eq!((smaller.len(), smaller.capacity(), larger.len()), (4, 4, 10));
        assert!(newest[..4].iter().all(|key| smaller.get(key).is_some()));
        assert!(newest.iter().all(|key| larger.get(key).is_some()));
        for step in 200..300 {
            for lru in [&mut lru, &mut same] {
                lru.insert(step * 13 % 29, step);
            }
            assert!((0..29).all(|key| lru.table_holds(key) == same.table_holds(key)));
        }
    }

    impl Lru<u64, u64> {
        /// Whether a key is there, without using it.
        fn table_holds(&self, key: u64) -> bool {
            self.entries.iter().any(|entry| entry.key == key)
        }
    }

    #[test]
    fn what_was_used_least_recently_is_forgotten() {
        let mut drawn = 7_u64;
        let mut below = |bound: u64| {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (drawn >> 33) % bound
        };
        for capacity in [0, 1, 2, 3, 10] {
            let mut lru = Lru::new(capacity);
            // The newest last.
            let mut naive: Vec<(u64, u64)> = Vec::new();
            for step in 0..5_000 {
                let key = below(15);
                let known = naive.iter().position(|(other, _)| *other == key).map(|at| naive.remove(at));
                if below(2) == 0 {
                    assert_eq!(lru.get(&key).copied(), known.map(|(_, value)| value));
                    naive.extend(known);
                } else {
                    lru.insert(key, step);
                    naive.push((key, step));
                    let over = naive.len().saturating_sub(capacity);
                    naive.drain(..over);
                }
                assert_eq!(lru.len(), naive.len());
            }
        }
    }
}
