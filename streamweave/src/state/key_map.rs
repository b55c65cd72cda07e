//! A map by key that is saved where the graph has checkpoints, and costs nothing for it where it has none.

use std::hash::{BuildHasher, Hash};
use std::ops::Index;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::map::Place;
use super::{Map, SameKey};

/// A value for each key of an operator.
///
/// Where nothing is saved it is one table with its entries in it, which are found in fewer steps than those of a [`Map`]; where something is
/// it is a `Map`, so that a checkpoint writes what has changed. Which of them is known before the first row comes: the visits of a durable
/// graph begin before that.
#[derive(Clone, Debug)]
pub(crate) enum KeyMap<K, V> {
    /// Of keys that [`FixedState::default`] hashes.
    Noted(HashTable<(K, V)>),
    Tracked(Map<K, V>),
}

impl<K, V> Default for KeyMap<K, V> {
    fn default() -> Self {
        KeyMap::new()
    }
}

impl<K, V> KeyMap<K, V> {
    /// An empty map.
    pub(crate) const fn new() -> Self {
        KeyMap::Noted(HashTable::new())
    }

    /// Every key with its value, in an order that a restore keeps.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (noted, tracked) = match self {
            KeyMap::Noted(noted) => (Some(noted.iter()), None),
            KeyMap::Tracked(tracked) => (None, Some(tracked.iter())),
        };
        let noted = noted.into_iter().flatten().map(|(key, value)| (key, value));
        noted.chain(tracked.into_iter().flatten())
    }
}

impl<K: Hash + Eq, V> KeyMap<K, V> {
    /// The map that is visited; the first visit makes it one.
    pub(crate) fn tracked(&mut self) -> &mut Map<K, V> {
        if let KeyMap::Noted(noted) = self {
            *self = KeyMap::Tracked(noted.drain().collect());
        }
        match self {
            KeyMap::Tracked(tracked) => tracked,
            KeyMap::Noted(_) => unreachable!("it was made so"),
        }
    }

    /// Takes over the entries of another, behind its own.
    ///
    /// # Errors
    ///
    /// A key is in both.
    pub(crate) fn absorb(&mut self, mut other: Self) -> Result<(), SameKey> {
        self.tracked().absorb(std::mem::take(other.tracked()))
    }

    /// The value of a key.
    #[inline(always)]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match self {
            KeyMap::Noted(noted) => noted
                .find(FixedState::default().hash_one(key), |(known, _)| known == key)
                .map(|(_, value)| value),
            KeyMap::Tracked(tracked) => tracked.get(key),
        }
    }

    /// Where the value of a key stands: to look at it first, and to change it without another look-up.
    #[inline(always)]
    pub(crate) fn find(&self, key: &K) -> Option<Place> {
        match self {
            KeyMap::Noted(noted) => {
                let hash = FixedState::default().hash_one(key);
                noted.find_bucket_index(hash, |(known, _)| known == key).map(Place::of_bucket)
            }
            KeyMap::Tracked(tracked) => tracked.find(key),
        }
    }

    /// Where the value of a key stands, made by `init` where the key is new.
    #[inline(always)]
    pub(crate) fn place(&mut self, key: K, init: impl FnOnce() -> V) -> Place {
        let noted = match self {
            KeyMap::Noted(noted) => noted,
            KeyMap::Tracked(tracked) => return tracked.place(key, init),
        };
        let hasher = FixedState::default();
        let hash = hasher.hash_one(&key);
        let found = match noted.entry(hash, |(known, _)| *known == key, |(key, _)| hasher.hash_one(key)) {
            Entry::Occupied(found) => found,
            Entry::Vacant(vacant) => vacant.insert((key, init())),
        };
        Place::of_bucket(found.bucket_index())
    }

    /// The key and the value at a place, to be changed.
    #[inline(always)]
    pub(crate) fn at_mut(&mut self, place: Place) -> (&K, &mut V) {
        match self {
            KeyMap::Noted(noted) => {
                let (key, value) = noted.get_bucket_mut(place.bucket()).expect("it was found there");
                (key, value)
            }
            KeyMap::Tracked(tracked) => tracked.at_mut(place),
        }
    }

    /// The value of a key, made by `init` where the key is new.
    #[inline(always)]
    pub(crate) fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        let noted = match self {
            KeyMap::Noted(noted) => noted,
            KeyMap::Tracked(tracked) => return tracked.entry(key, init),
        };
        let hasher = FixedState::default();
        let hash = hasher.hash_one(&key);
        match noted.entry(hash, |(known, _)| *known == key, |(key, _)| hasher.hash_one(key)) {
            Entry::Occupied(found) => &mut found.into_mut().1,
            Entry::Vacant(vacant) => &mut vacant.insert((key, init())).into_mut().1,
        }
    }

    /// Sets the value of a key; gives the one that it had.
    #[inline(always)]
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let mut new = Some(value);
        let known = self.entry(key, || new.take().expect("it is made once"));
        new.map(|value| std::mem::replace(known, value))
    }

    /// Removes what is at a place, and be it of a key that does not equal itself: nothing stands where it stood any more.
    #[inline]
    pub(crate) fn remove_at(&mut self, place: Place) -> V {
        match self {
            KeyMap::Noted(noted) => {
                let found = noted.get_bucket_entry(place.bucket()).ok().expect("it was found there");
                found.remove().0.1
            }
            KeyMap::Tracked(tracked) => tracked.remove_at(place),
        }
    }
}

impl<K, V> Index<Place> for KeyMap<K, V> {
    type Output = V;

    #[inline(always)]
    fn index(&self, place: Place) -> &V {
        match self {
            KeyMap::Noted(noted) => &noted.get_bucket(place.bucket()).expect("it was found there").1,
            KeyMap::Tracked(tracked) => &tracked[place],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Chance;
    use super::*;
    use crate::envelope::Nullable;

    #[test]
    fn it_is_the_same_map_tracked_or_not() {
        for tracked_from in [0, 5_000, usize::MAX] {
            let (mut map, mut naive, mut chance) = (KeyMap::new(), BTreeMap::new(), Chance(3));
            for round in 0..10_000 {
                if round == tracked_from {
                    map.tracked();
                }
                let (key, value) = (chance.below(300) as u64, chance.below(1_000));
                let found = map.find(&key);
                assert_eq!(map.get(&key), naive.get(&key));
                assert_eq!(found.map(|place| &map[place]), naive.get(&key));
                match (chance.below(4), found) {
                    (0, Some(place)) => assert_eq!(Some(map.remove_at(place)), naive.remove(&key)),
                    (1, Some(place)) => {
                        let (known, at) = map.at_mut(place);
                        assert_eq!(*known, key);
                        *at = value;
                        naive.insert(key, value);
                    }
                    (2, _) => {
                        let place = map.place(key, || value);
                        assert_eq!(map[place], *naive.entry(key).or_insert(value));
                    }
                    _ => {
                        assert_eq!(map.insert(key, value), naive.insert(key, value));
                    }
                }
            }
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
            entries.sort_unstable();
            assert!(entries.into_iter().eq(naive));
        }
    }

    #[test]
    fn null_keys_have_places_of_their_own() {
        for is_tracked in [false, true] {
            let mut map = KeyMap::new();
            if is_tracked {
                map.tracked();
            }
            let [first, second] = [1, 2].map(|value| map.place(Nullable::<u8>::NULL, || value));
            assert_eq!((map[first], map[second], map.find(&Nullable::NULL).is_none()), (1, 2, true));
            assert_eq!(map.remove_at(second), 2);
            assert_eq!(map.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [1]);
            map.tracked();
            assert_eq!(map.iter().count(), 1);
        }
    }

    #[test]
    fn two_come_together_unless_a_key_is_in_both() {
        let of = |keys: std::ops::Range<u64>| {
            let mut map = KeyMap::new();
            keys.for_each(|key| _ = map.insert(key, key * 3));
            map
        };
        let mut map = of(0..300);
        assert_eq!(map.absorb(of(300..500)), Ok(()));
        assert!((0..501).all(|key| map.get(&key).copied() == (key < 500).then_some(key * 3)));
        assert_eq!(map.absorb(of(499..501)), Err(SameKey));
    }
}
