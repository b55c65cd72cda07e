//! A hash map whose entries have numbers, by which they are found without their keys.

use std::hash::{BuildHasher, Hash};
use std::ops::{Index, IndexMut};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SameKey;

/// A value for each key, at a place that stays the same for as long as the key is there.
///
/// The places of keys that have gone are used again, last gone first, together with what their values have allocated: a value
/// that is [released](KeySlab::release) is not dropped, and whoever releases it empties it before. The hasher is fast and
/// has a fixed seed: places depend on which keys came and went, in which order, and on nothing else (rule Z1).
///
/// # Examples
///
/// ```
/// use streamweave::state::KeySlab;
///
/// let mut rows: KeySlab<&str, Vec<u32>> = KeySlab::default();
/// let warp = rows.place("warp");
/// rows[warp].push(1);
/// let weft = rows.place("weft");
/// assert_eq!((rows.find(&"warp"), rows.find(&"yarn")), (Some(warp), None));
///
/// rows[warp].clear();
/// rows.release(warp);
/// assert_eq!((rows.find(&"warp"), rows.len()), (None, 1));
/// assert_eq!(rows.place("yarn"), warp);
/// assert_eq!(rows.key(weft), &"weft");
/// ```
#[derive(Clone, Debug)]
pub struct KeySlab<K, V> {
    places: HashTable<u32>,
    entries: Vec<Entry<K, V>>,
    free: Vec<u32>,
    hasher: FixedState,
}

#[derive(Clone, Debug)]
struct Entry<K, V> {
    /// `None` where the place is free.
    key: Option<K>,
    value: V,
}

impl<K, V> Default for KeySlab<K, V> {
    fn default() -> Self {
        let (places, entries, free) = (HashTable::new(), Vec::new(), Vec::new());
        KeySlab { places, entries, free, hasher: FixedState::default() }
    }
}

impl<K, V> KeySlab<K, V> {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The key at a place.
    ///
    /// # Panics
    ///
    /// Where the place is free.
    #[inline]
    pub fn key(&self, place: u32) -> &K {
        self.entries[place as usize].key.as_ref().expect("the place is taken")
    }

    /// The key and the value at a place.
    ///
    /// # Panics
    ///
    /// Where the place is free.
    #[inline]
    pub fn at(&mut self, place: u32) -> (&K, &mut V) {
        let Entry { key, value, .. } = &mut self.entries[place as usize];
        (key.as_ref().expect("the place is taken"), value)
    }

    /// The key and the value at a place, unless it is free.
    #[inline]
    pub fn get(&mut self, place: u32) -> Option<(&K, &mut V)> {
        let Entry { key, value, .. } = self.entries.get_mut(place as usize)?;
        key.as_ref().map(|key| (key, value))
    }

    /// The places that are taken, in their order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &K, &mut V)> {
        let entries = (0..).zip(&mut self.entries);
        entries.filter_map(|(place, entry)| entry.key.as_ref().map(|key| (place, key, &mut entry.value)))
    }
}

impl<K: Hash + Eq, V> KeySlab<K, V> {
    /// Drops the key at a place, which has become free; nothing happens where it is.
    pub fn release(&mut self, place: u32) {
        let Some(key) = self.entries[place as usize].key.take() else { return };
        let hash = self.hasher.hash_one(&key);
        if let Ok(found) = self.places.find_entry(hash, |&other| other == place) {
            found.remove();
        }
        self.free.push(place);
    }
}

impl<K: Hash + Eq, V: Default> KeySlab<K, V> {
    /// The place of a key, if it has one.
    #[inline]
    pub fn find(&self, key: &K) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.places.find(hash, |&place| self.entries[place as usize].key.as_ref() == Some(key)).copied()
    }

    /// The place of a key; a new one has an empty value.
    ///
    /// # Panics
    ///
    /// Where there would be more than 2^32 keys.
    #[inline]
    pub fn place(&mut self, key: K) -> u32 {
        let hash = self.hasher.hash_one(&key);
        let (entries, hasher) = (&mut self.entries, &self.hasher);
        let found = self.places.entry(
            hash,
            |&place| entries[place as usize].key.as_ref() == Some(&key),
            |&place| hasher.hash_one(entries[place as usize].key.as_ref().expect("the place is taken")),
        );
        match found {
            TableEntry::Occupied(found) => *found.get(),
            TableEntry::Vacant(vacant) => {
                let place = match self.free.pop() {
                    Some(place) => {
                        entries[place as usize].key = Some(key);
                        place
                    }
                    None => {
                        let place = u32::try_from(entries.len()).expect("at most 2^32 keys in one map");
                        entries.push(Entry { key: Some(key), value: V::default() });
                        place
                    }
                };
                vacant.insert(place);
                place
            }
        }
    }
}

impl<K: Hash + Eq, V: Default> KeySlab<K, V> {
    /// Forgets the keys of which `keep` does not say so; the others stay at their places.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        for place in (0..).take(self.entries.len()) {
            let entry = &mut self.entries[place as usize];
            if entry.key.as_ref().is_some_and(|key| !keep(key)) {
                entry.value = V::default();
                self.release(place);
            }
        }
    }

    /// Takes over the entries of another slab of which `keep` says so, in the order of their places; gives to which places they have gone.
    /// `None` stands for those that were free or are not kept.
    ///
    /// # Errors
    ///
    /// A key is in both.
    pub(crate) fn absorb(
        &mut self,
        other: Self,
        mut keep: impl FnMut(&K) -> bool,
    ) -> Result<Vec<Option<u32>>, SameKey> {
        let entries = other.entries.into_iter().map(|Entry { key, value }| {
            let Some(key) = key.filter(|key| keep(key)) else { return Ok(None) };
            let before = self.len();
            let place = self.place(key);
            if self.len() == before {
                return Err(SameKey);
            }
            self[place] = value;
            Ok(Some(place))
        });
        entries.collect()
    }
}

/// What of a slab is saved: whoever holds places finds the same at them, and the next key comes to where it would have come.
#[derive(Serialize, Deserialize)]
struct Saved<E> {
    /// The places that are taken, each with its key and its value.
    taken: Vec<E>,
    /// The others, the next one last.
    free: Vec<u32>,
}

impl<K: Serialize, V: Serialize> Serialize for KeySlab<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = (0_u32..).zip(&self.entries);
        let taken = entries.filter_map(|(place, Entry { key, value })| Some((place, key.as_ref()?, value)));
        Saved { taken: taken.collect(), free: self.free.clone() }.serialize(serializer)
    }
}

impl<'de, K, V> Deserialize<'de> for KeySlab<K, V>
where
    K: Deserialize<'de> + Hash + Eq,
    V: Deserialize<'de> + Default,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Saved { taken, free } = Saved::<(u32, K, V)>::deserialize(deserializer)?;
        let mut entries: Vec<Entry<K, V>> = Vec::new();
        entries.resize_with(taken.len() + free.len(), || Entry { key: None, value: V::default() });
        let (mut places, hasher) = (HashTable::with_capacity(taken.len()), FixedState::default());
        for (place, key, value) in taken {
            let free = entries.get_mut(place as usize).filter(|entry| entry.key.is_none());
            let Some(entry) = free else { return Err(D::Error::custom("a place is taken twice")) };
            let hash = hasher.hash_one(&key);
            *entry = Entry { key: Some(key), value };
            places.insert_unique(hash, place, |&place| {
                hasher.hash_one(entries[place as usize].key.as_ref().expect("the place is taken"))
            });
        }
        let is_free = |place: &u32| entries.get(*place as usize).is_some_and(|entry| entry.key.is_none());
        if !free.iter().all(is_free) {
            return Err(D::Error::custom("a free place is taken"));
        }
        Ok(KeySlab { places, entries, free, hasher })
    }
}

impl<K, V> Index<u32> for KeySlab<K, V> {
    type Output = V;

    #[inline]
    fn index(&self, place: u32) -> &V {
        &self.entries[place as usize].value
    }
}

impl<K, V> IndexMut<u32> for KeySlab<K, V> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut V {
        &mut self.entries[place as usize].value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Chance;
    use super::*;

    #[test]
    fn what_is_loaded_has_the_same_places_and_gives_the_same_ones_next() {
        let (mut slab, mut chance) = (KeySlab::<u64, u64>::default(), Chance(5));
        let mut change = |slabs: &mut [&mut KeySlab<u64, u64>]| {
            let (key, value, is_going) =
                (chance.below(60) as u64, chance.below(9) as u64, chance.below(2) == 0);
            let places = slabs.iter_mut().map(|slab| match slab.find(&key) {
                Some(place) if is_going => {
                    slab[place] = 0;
                    slab.release(place);
                    place
                }
                _ => {
                    let place = slab.place(key);
                    slab[place] += value;
                    place
                }
            });
            let places: Vec<u32> = places.collect();
            assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "{places:?}");
        };
        for _ in 0..40 {
            (0..50).for_each(|_| change(&mut [&mut slab]));
            let mut bytes = Vec::new();
            super::super::codec::encode(&slab, &mut bytes);
            let mut loaded: KeySlab<u64, u64> =
                super::super::codec::decode(&bytes).expect("it is what was saved");
            (0..200).for_each(|_| change(&mut [&mut slab, &mut loaded]));
            let entries = |slab: &mut KeySlab<u64, u64>| -> Vec<(u32, u64, u64)> {
                slab.iter_mut().map(|(place, key, value)| (place, *key, *value)).collect()
            };
            assert_eq!(entries(&mut loaded), entries(&mut slab));
        }
    }

    #[test]
    fn what_is_absorbed_is_told_where_it_has_gone() {
        let mut slabs = [KeySlab::<u64, u64>::default(), KeySlab::default()];
        for (slab, first) in slabs.iter_mut().zip([0, 100]) {
            (first..first + 10).for_each(|key| {
                let place = slab.place(key);
                slab[place] = key * 2;
            });
            slab.release(3);
        }
        let [mut slab, other] = slabs;
        let places = slab.absorb(other.clone(), |key| key % 2 == 0).expect("no key is in both");
        assert_eq!(places.iter().flatten().count(), 5);
        for (old, new) in (0..10_u64).zip(places) {
            assert_eq!(new.is_some(), old != 3 && old % 2 == 0);
            if let Some(new) = new {
                assert_eq!((*slab.key(new), slab[new]), (100 + old, 200 + old * 2));
            }
        }
        assert_eq!((slab.len(), slab.find(&7)), (14, Some(7)));
        assert_eq!(slab.absorb(other, |_| true), Err(SameKey));
    }

    #[test]
    fn what_is_retained_stays_at_its_place() {
        let mut slab = KeySlab::<u64, u64>::default();
        (0..10).for_each(|key| {
            let place = slab.place(key);
            slab[place] = key * 2;
        });
        slab.release(4);
        slab.retain(|key| key % 3 == 0);
        let kept: Vec<(u32, u64, u64)> =
            slab.iter_mut().map(|(place, key, value)| (place, *key, *value)).collect();
        assert_eq!(kept, [(0, 0, 0), (3, 3, 6), (6, 6, 12), (9, 9, 18)]);
        // A new key finds nothing of one that was forgotten.
        let place = slab.place(8);
        assert_eq!((slab[place], slab.len(), slab.find(&5)), (0, 5, None));
    }

    #[test]
    fn keys_keep_their_places_until_they_go() {
        let (mut slab, mut naive) = (KeySlab::<u64, u64>::default(), HashMap::new());
        let mut chance = Chance(11);
        for round in 0..20_000 {
            let key = chance.below(60) as u64;
            assert_eq!(slab.find(&key), naive.get(&key).map(|(place, _)| *place));
            match naive.remove(&key) {
                Some((place, value)) if chance.below(2) == 0 => {
                    assert_eq!((slab.key(place), slab[place]), (&key, value));
                    slab.release(place);
                    slab.release(place);
                }
                known => {
                    let place = slab.place(key);
                    assert!(known.is_none_or(|(known, _)| known == place));
                    slab[place] = round;
                    naive.insert(key, (place, round));
                }
            }
            assert_eq!((slab.len(), slab.is_empty()), (naive.len(), naive.is_empty()));
        }
        assert!(slab.entries.len() <= 60);
    }
}
