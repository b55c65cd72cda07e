//! A hash map whose values stand in a row, in the order in which their keys first arrived.
//!
//! For maps that are filled and emptied again, with about as much new in them as is met again: what is drained has not to be put
//! in order but for its keys, and a table of keys and numbers alone is small. Where a row mostly changes the value of a key
//! that is there, an [`OrderedMap`](super::OrderedMap) has it one step nearer.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// A hash map drained in order of arrival (rule Z1).
///
/// The hasher is fast and has a fixed seed: keys chosen by an adversary can be made to collide. It is no field, so that a hash does not
/// wait until it is known which of several maps is asked.
#[derive(Clone, Debug)]
pub(crate) struct ArrivalMap<K, V> {
    /// Each key, and where its value stands.
    places: HashTable<(K, u32)>,
    values: Vec<V>,
    /// Empty, but for its memory: here the keys are put in order.
    keys: Vec<Option<K>>,
}

impl<K, V> Default for ArrivalMap<K, V> {
    fn default() -> Self {
        ArrivalMap { places: HashTable::new(), values: Vec::new(), keys: Vec::new() }
    }
}

impl<K, V> ArrivalMap<K, V> {
    /// Whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Empties the map, in order of first arrival; it keeps its memory. `O(keys)`.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (K, V)> {
        let ArrivalMap { places, values, keys } = self;
        keys.resize_with(values.len(), || None);
        for (key, place) in places.drain() {
            keys[place as usize] = Some(key);
        }
        keys.drain(..).flatten().zip(values.drain(..))
    }

    /// The entries, in order of arrival. `O(keys)`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut keys = vec![None; self.values.len()];
        for (key, place) in &self.places {
            keys[*place as usize] = Some(key);
        }
        keys.into_iter().flatten().zip(&self.values)
    }
}

impl<K: Hash + Eq, V> ArrivalMap<K, V> {
    /// The value of `key`, made by `init` where the key is new.
    ///
    /// # Panics
    ///
    /// Where the map would hold more than 2^32 keys.
    #[inline]
    pub(crate) fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        let ArrivalMap { places, values, .. } = self;
        let hasher = FixedState::default();
        let hash = hasher.hash_one(&key);
        match places.entry(hash, |(other, _)| *other == key, |(other, _)| hasher.hash_one(other)) {
            Entry::Occupied(found) => &mut values[found.get().1 as usize],
            Entry::Vacant(vacant) => {
                let place = u32::try_from(values.len()).expect("at most 2^32 keys in one map");
                vacant.insert((key, place));
                values.push_mut(init())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_arrival_survives_growth_and_reuse() {
        let mut map = ArrivalMap::default();
        for round in 0..3_u64 {
            let keys: Vec<u64> = (0..1_000).map(|i| (i * 7_919 + round) % 10_007).collect();
            keys.iter().for_each(|&key| *map.entry(key, || 0) += key);
            keys.iter().rev().for_each(|&key| *map.entry(key, || 0) += 1);
            let expected: Vec<_> = keys.iter().map(|&key| (key, key + 1)).collect();
            assert!(map.iter().map(|(key, value)| (*key, *value)).eq(expected.iter().copied()));
            assert!(map.drain().eq(expected));
            assert_eq!(map.drain().count(), 0);
        }
    }

    #[test]
    fn what_is_not_taken_of_a_drained_map_is_gone() {
        let mut map = ArrivalMap::default();
        (0..5).for_each(|key| *map.entry(key, || 0) += 1);
        assert!(map.drain().take(2).eq([(0, 1), (1, 1)]));
        *map.entry(4, || 0) += 2;
        assert!(map.drain().eq([(4, 2)]));
    }
}
