//! States by key, at places that stay where they are.
//!
//! Timers and queues name a key by its place, which costs no look-up. The hasher has a fixed seed, and nothing depends on the
//! order of places but what says so.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;

/// States by key; the place of a key stays the same until it is removed, and is then given to another.
///
/// # Examples
///
/// ```
/// use streamweave::state::Slots;
///
/// let mut sums = Slots::default();
/// let (ada, _) = sums.entry("ada", || 0);
/// sums.entry("grace", || 0);
/// *sums.entry("ada", || 0).1 += 5;
/// assert_eq!(sums.get_mut(ada), Some((&"ada", &mut 5)));
/// sums.remove(ada);
/// assert_eq!(sums.get_mut(ada), None);
/// assert_eq!(sums.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Slots<K, S> {
    table: HashTable<u32>,
    slots: Vec<Option<Slot<K, S>>>,
    free: Vec<u32>,
    hasher: FixedState,
}

#[derive(Clone, Debug)]
struct Slot<K, S> {
    hash: u64,
    key: K,
    state: S,
}

impl<K, S> Default for Slots<K, S> {
    fn default() -> Self {
        Slots { table: HashTable::new(), slots: Vec::new(), free: Vec::new(), hasher: FixedState::default() }
    }
}

impl<K, S> Slots<K, S> {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The key at a place, and its state.
    #[inline]
    pub fn get_mut(&mut self, place: u32) -> Option<(&K, &mut S)> {
        let slot = self.slots.get_mut(place as usize)?.as_mut()?;
        Some((&slot.key, &mut slot.state))
    }

    /// The key at a place.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[inline]
    pub fn key(&self, place: u32) -> &K {
        &self.slots[place as usize].as_ref().expect("there is a key at this place").key
    }

    /// All that is there, by place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &K, &mut S)> {
        let slots = (0..).zip(&mut self.slots);
        slots.filter_map(|(place, slot)| slot.as_mut().map(|slot| (place, &slot.key, &mut slot.state)))
    }

    /// Empties a place.
    pub fn remove(&mut self, place: u32) {
        let Some(slot) = self.slots.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        if let Ok(entry) = self.table.find_entry(slot.hash, |other| *other == place) {
            entry.remove();
        }
        self.free.push(place);
    }
}

impl<K: Hash + Eq, S> Slots<K, S> {
    /// The place of a key and its state, made by `init` where the key is new.
    ///
    /// # Panics
    ///
    /// Where there would be more than 2^32 keys.
    #[inline]
    pub fn entry(&mut self, key: K, init: impl FnOnce() -> S) -> (u32, &mut S) {
        let hash = self.hasher.hash_one(&key);
        let slots = &mut self.slots;
        let same = |place: &u32| slots[*place as usize].as_ref().is_some_and(|slot| slot.key == key);
        let hashed = |place: &u32| slots[*place as usize].as_ref().map_or(0, |slot| slot.hash);
        let place = match self.table.entry(hash, same, hashed) {
            TableEntry::Occupied(entry) => *entry.get(),
            TableEntry::Vacant(vacant) => {
                let place = self.free.pop().unwrap_or_else(|| {
                    slots.push(None);
                    u32::try_from(slots.len() - 1).expect("at most 2^32 keys")
                });
                slots[place as usize] = Some(Slot { hash, key, state: init() });
                vacant.insert(place);
                place
            }
        };
        let slot = slots[place as usize].as_mut().expect("the table names places that are taken");
        (place, &mut slot.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_places_and_free_ones_are_used_again() {
        let mut slots = Slots::default();
        let mut naive = std::collections::BTreeMap::new();
        let mut drawn = 7_u64;
        let mut most = 0;
        for _ in 0..20_000 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = drawn >> 56;
            if drawn & (1 << 40) == 0 {
                let (place, sum) = slots.entry(key, || 0_u64);
                *sum += key;
                let expected = naive.entry(key).or_insert((place, 0));
                expected.1 += key;
                assert_eq!((place, *sum), *expected);
            } else if let Some((place, sum)) = naive.remove(&key) {
                assert_eq!(slots.get_mut(place), Some((&key, &mut sum.clone())));
                slots.remove(place);
            }
            most = most.max(naive.len());
            assert_eq!(slots.len(), naive.len());
        }
        assert_eq!(slots.slots.len(), most);
        assert_eq!(slots.iter_mut().count(), naive.len());
    }
}
