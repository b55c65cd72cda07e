//! A hash map that gives its entries back in the order in which their keys first arrived.
//!
//! Output must not depend on a hasher (rule Z1), so the order is kept; and the hot path is a
//! look-up, so the order costs it nothing: entries stand in the table itself and carry the number
//! of their arrival, by which they are put in order when the map is drained. The hasher is fast
//! and has a fixed seed: keys chosen by an adversary can be made to collide.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A hash map drained in order of arrival.
///
/// Its hasher is no field, so that a hash does not wait until it is known which of several maps is asked.
///
/// # Examples
///
/// ```
/// use streamweave::state::OrderedMap;
///
/// let mut seen = OrderedMap::default();
/// for word in ["to", "be", "or", "not", "to", "be"] {
///     *seen.entry(word, || 0) += 1;
/// }
/// let seen: Vec<_> = seen.drain().collect();
/// assert_eq!(seen, [("to", 2), ("be", 2), ("or", 1), ("not", 1)]);
/// ```
#[derive(Clone, Debug)]
pub struct OrderedMap<K, V> {
    table: HashTable<Entry<K, V>>,
    /// The first entry, where keys have no bytes: all that are equal to anything are alike, and nothing has to be looked up.
    only: Option<(K, V)>,
}

#[derive(Clone, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    arrival: u32,
}

impl<K, V> Default for OrderedMap<K, V> {
    fn default() -> Self {
        OrderedMap { table: HashTable::new(), only: None }
    }
}

impl<K, V> OrderedMap<K, V> {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.table.len() + usize::from(self.only.is_some())
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties the map, in order of first arrival; it keeps its memory. `O(keys)`.
    pub fn drain(&mut self) -> impl Iterator<Item = (K, V)> + use<K, V> {
        let mut ordered: Vec<Option<(K, V)>> = Vec::new();
        ordered.resize_with(self.table.len(), || None);
        for Entry { key, value, arrival } in self.table.drain() {
            ordered[arrival as usize] = Some((key, value));
        }
        self.only.take().into_iter().chain(ordered.into_iter().flatten())
    }
}

impl<K, V> OrderedMap<K, V> {
    /// The values, in no order that is promised.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let only = self.only.iter_mut().map(|(_, value)| value);
        only.chain(self.table.iter_mut().map(|entry| &mut entry.value))
    }
}

/// The entries, in order of arrival.
impl<K: Serialize, V: Serialize> Serialize for OrderedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ordered = vec![None; self.table.len()];
        for Entry { key, value, arrival } in &self.table {
            ordered[*arrival as usize] = Some((key, value));
        }
        let only = self.only.as_ref().map(|(key, value)| (key, value));
        serializer.collect_seq(only.into_iter().chain(ordered.into_iter().flatten()))
    }
}

/// No two keys that were saved are equal, so none is compared.
impl<'de, K: Deserialize<'de> + Hash + Eq, V: Deserialize<'de>> Deserialize<'de> for OrderedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = Vec::<(K, V)>::deserialize(deserializer)?.into_iter();
        let hasher = FixedState::default();
        let only = if size_of::<K>() == 0 { entries.next() } else { None };
        let mut table = HashTable::with_capacity(entries.len());
        for (arrival, (key, value)) in (0..).zip(entries) {
            let hash = hasher.hash_one(&key);
            table.insert_unique(hash, Entry { key, value, arrival }, |entry| hasher.hash_one(&entry.key));
        }
        Ok(OrderedMap { table, only })
    }
}

impl<K: Hash + Eq, V> OrderedMap<K, V> {
    /// The value of `key`, made by `init` where the key is new.
    ///
    /// # Panics
    ///
    /// Where the map would hold more than 2^32 keys.
    #[inline]
    pub fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        if size_of::<K>() == 0 && self.only.as_ref().is_none_or(|(only, _)| *only == key) {
            return &mut self.only.get_or_insert_with(|| (key, init())).1;
        }
        let hasher = FixedState::default();
        let hash = hasher.hash_one(&key);
        let arrival = self.table.len();
        match self.table.entry(hash, |entry| entry.key == key, |entry| hasher.hash_one(&entry.key)) {
            TableEntry::Occupied(entry) => &mut entry.into_mut().value,
            TableEntry::Vacant(slot) => {
                let arrival = u32::try_from(arrival).expect("at most 2^32 keys in one map");
                &mut slot.insert(Entry { key, value: init(), arrival }).into_mut().value
            }
        }
    }

    /// As [`entry`](OrderedMap::entry), for a borrowed key that is owned only where it is new.
    #[inline]
    pub fn entry_ref<Q>(&mut self, key: &Q, init: impl FnOnce() -> V) -> &mut V
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if size_of::<K>() == 0 && self.only.as_ref().is_none_or(|(only, _)| only.borrow() == key) {
            return &mut self.only.get_or_insert_with(|| (key.to_owned(), init())).1;
        }
        let hasher = FixedState::default();
        let hash = hasher.hash_one(key);
        let arrival = self.table.len();
        let same = |entry: &Entry<K, V>| entry.key.borrow() == key;
        match self.table.entry(hash, same, |entry| hasher.hash_one(&entry.key)) {
            TableEntry::Occupied(entry) => &mut entry.into_mut().value,
            TableEntry::Vacant(slot) => {
                let arrival = u32::try_from(arrival).expect("at most 2^32 keys in one map");
                &mut slot.insert(Entry { key: key.to_owned(), value: init(), arrival }).into_mut().value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_arrival_survives_growth_and_reuse() {
        let mut map = OrderedMap::default();
        for round in 0..3_u64 {
            let keys: Vec<u64> = (0..1_000).map(|i| (i * 7_919 + round) % 10_007).collect();
            keys.iter().for_each(|&key| *map.entry(key, || 0) += key);
            keys.iter().rev().for_each(|&key| *map.entry(key, || 0) += 1);
            let expected: Vec<_> = keys.iter().map(|&key| (key, key + 1)).collect();
            assert!(map.drain().eq(expected));
            assert!(map.is_empty());
        }
    }

    #[test]
    fn what_is_loaded_goes_on_in_the_order_of_arrival() {
        let mut map: OrderedMap<u64, u64> = OrderedMap::default();
        let keys: Vec<u64> = (0..500).map(|i| i * 7_919 % 10_007).collect();
        keys.iter().for_each(|&key| *map.entry(key, || 0) += key);
        let mut bytes = Vec::new();
        super::super::codec::encode(&map, &mut bytes);
        let mut loaded: OrderedMap<u64, u64> =
            super::super::codec::decode(&bytes).expect("it is what was saved");
        for map in [&mut map, &mut loaded] {
            keys.iter().rev().step_by(3).for_each(|&key| *map.entry(key, || 0) += 1);
            (20_000..20_100).for_each(|key| *map.entry(key, || 0) += key);
        }
        assert!(loaded.drain().eq(map.drain()));
    }

    #[test]
    fn borrowed_and_owned_keys_meet() {
        let mut map: OrderedMap<String, u32> = OrderedMap::default();
        *map.entry_ref("a", || 0) += 1;
        *map.entry("a".to_owned(), || 0) += 1;
        assert!(map.drain().eq([("a".to_owned(), 2)]));
    }

    #[test]
    fn keys_without_bytes_are_one_key() {
        let mut map = OrderedMap::default();
        for round in 1..=3 {
            (0..round).for_each(|_| *map.entry((), || 0) += 1);
            *map.entry_ref(&(), || 0) += 1;
            assert_eq!((map.len(), map.is_empty()), (1, false));
            assert!(map.drain().eq([((), round + 1)]));
            assert!(map.is_empty());
        }
    }
}
