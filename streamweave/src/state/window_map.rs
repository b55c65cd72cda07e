//! A map by key that is filled and then emptied in order of arrival, and is saved where the graph has checkpoints.

use std::hash::Hash;

use super::{Map, OrderedMap, SameKey};

/// A value for each key of a window.
///
/// Where nothing is saved it is one table with its entries in it; where something is it is a [`Map`], so that a checkpoint writes what
/// has changed, in slices. Which of them is known before the first row comes: the visits of a durable graph begin before that.
#[derive(Clone, Debug)]
pub(crate) enum WindowMap<K, V> {
    Noted(OrderedMap<K, V>),
    /// Each value with the number of its arrival. It is boxed so that the other one, which is for speed, is the larger, in whose bits it
    /// shows at once which of them it is.
    Tracked(Box<Map<K, (u32, V)>>),
}

impl<K, V> Default for WindowMap<K, V> {
    fn default() -> Self {
        WindowMap::Noted(OrderedMap::default())
    }
}

impl<K, V> WindowMap<K, V> {
    /// An empty map, which is saved or not.
    pub(crate) fn new(is_tracked: bool) -> Self {
        if is_tracked { WindowMap::Tracked(Box::default()) } else { WindowMap::default() }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        match self {
            WindowMap::Noted(noted) => noted.len(),
            WindowMap::Tracked(tracked) => tracked.len(),
        }
    }

    /// Whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            WindowMap::Noted(noted) => noted.is_empty(),
            WindowMap::Tracked(tracked) => tracked.is_empty(),
        }
    }

    /// Whether a cut has frozen what no slice has written yet.
    pub(crate) fn is_frozen(&self) -> bool {
        match self {
            WindowMap::Noted(_) => false,
            WindowMap::Tracked(tracked) => tracked.is_frozen(),
        }
    }

    /// Empties the map, in order of first arrival. What a cut has frozen of it can still be written.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (K, V)> + use<K, V> {
        let (noted, tracked) = match self {
            WindowMap::Noted(noted) => (Some(noted.drain()), None),
            WindowMap::Tracked(tracked) => {
                let mut all = tracked.take_all();
                all.sort_unstable_by_key(|(_, (arrival, _))| *arrival);
                (None, Some(all))
            }
        };
        let tracked = tracked.into_iter().flatten().map(|(key, (_, value))| (key, value));
        noted.into_iter().flatten().chain(tracked)
    }

    /// Every value, as it was loaded, to be made whole; that is no change.
    pub(crate) fn complete(&mut self, mut complete: impl FnMut(&mut V)) {
        match self {
            WindowMap::Noted(noted) => noted.values_mut().for_each(complete),
            WindowMap::Tracked(tracked) => tracked.complete(|_, (_, value)| complete(value)),
        }
    }
}

impl<K: Hash + Eq, V> WindowMap<K, V> {
    /// Changes the value of `key`, made by `init` where the key is new: as by way of [`entry`](WindowMap::entry), but for the steps in which
    /// two ways to a value become one.
    ///
    /// # Panics
    ///
    /// Where the map would hold more than 2^32 keys.
    #[inline(always)]
    pub(crate) fn change(&mut self, key: K, init: impl FnOnce() -> V, change: impl FnOnce(&mut V)) {
        match self {
            WindowMap::Noted(noted) => change(noted.entry(key, init)),
            WindowMap::Tracked(tracked) => change(arrived(tracked, key, init)),
        }
    }

    /// The value of `key`, made by `init` where the key is new.
    ///
    /// # Panics
    ///
    /// Where the map would hold more than 2^32 keys.
    #[inline(always)]
    pub(crate) fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        match self {
            WindowMap::Noted(noted) => noted.entry(key, init),
            WindowMap::Tracked(tracked) => arrived(tracked, key, init),
        }
    }

    /// The map that is visited; the first visit makes it one.
    pub(crate) fn tracked(&mut self) -> &mut Map<K, (u32, V)> {
        if let WindowMap::Noted(noted) = self {
            let arrived = (0..).zip(noted.drain()).map(|(arrival, (key, value))| (key, (arrival, value)));
            *self = WindowMap::Tracked(Box::new(arrived.collect()));
        }
        match self {
            WindowMap::Tracked(tracked) => tracked,
            WindowMap::Noted(_) => unreachable!("it was made so"),
        }
    }

    /// Forgets the keys of which `keep` does not say so; the others keep their order.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let kept: Vec<_> = self.drain().filter(|(key, _)| keep(key)).collect();
        for (key, value) in kept {
            self.entry(key, || value);
        }
    }

    /// Takes over the entries of another map, behind its own, in their order.
    ///
    /// # Errors
    ///
    /// A key is in both.
    pub(crate) fn absorb(&mut self, mut other: Self) -> Result<(), SameKey> {
        for (key, value) in other.drain() {
            let mut value = Some(value);
            self.entry(key, || value.take().expect("it is made once"));
            if value.is_some() {
                return Err(SameKey);
            }
        }
        Ok(())
    }
}

/// The value of a key, which has the number of its arrival: no key goes before all do.
#[inline(always)]
fn arrived<K: Hash + Eq, V>(tracked: &mut Map<K, (u32, V)>, key: K, init: impl FnOnce() -> V) -> &mut V {
    let arrival = tracked.len();
    let arrived = || (u32::try_from(arrival).expect("at most 2^32 keys in one map"), init());
    &mut tracked.entry(key, arrived).1
}

#[cfg(test)]
mod tests {
    use super::super::fields::Fields;
    use super::super::loading::Loading;
    use super::super::{Chance, Part, Saving};
    use super::*;

    fn loaded(parts: &[Part]) -> WindowMap<u32, u64> {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut map = WindowMap::new(true);
        Fields::load(&mut loading).map("open", map.tracked()).expect("the same type");
        map
    }

    #[test]
    fn what_is_emptied_while_it_is_written_is_saved_as_it_was() {
        for seed in 0..40 {
            let mut chance = Chance(seed);
            let (mut map, mut parts) = (WindowMap::<u32, u64>::default(), Vec::new());
            for number in 1..4 {
                for _ in 0..chance.below(900) {
                    *map.entry(chance.below(2_000) as u32, || 0) += 1;
                }
                let expected: Vec<_> = map.clone().drain().collect();
                let mut saving =
                    Saving { full: number == 1, number, budget: chance.below(60), ..Saving::default() };
                Fields::cut(&mut saving).map("open", map.tracked()).expect("nothing is loaded");
                parts.append(&mut saving.parts);
                let is_last = number == 3;
                let mut emptied = false;
                while map.is_frozen() {
                    if is_last && !emptied && chance.below(3) == 0 {
                        assert!(map.drain().eq(expected.iter().copied()));
                        emptied = true;
                    } else if !is_last {
                        *map.entry(chance.below(2_000) as u32, || 0) += 1;
                    }
                    let mut saving = Saving { budget: 1 + chance.below(60), ..Saving::default() };
                    Fields::slice(&mut saving).map("open", map.tracked()).expect("nothing is loaded");
                    parts.append(&mut saving.parts);
                }
                assert!(loaded(&parts).drain().eq(expected), "seed {seed}, cut {number}");
            }
        }
    }

    #[test]
    fn the_order_of_arrival_is_that_of_a_map_that_is_not_saved() {
        let (mut noted, mut tracked) = (WindowMap::new(false), WindowMap::new(true));
        for map in [&mut noted, &mut tracked] {
            (0..3_000_u64).for_each(|row| *map.entry(row * row % 1_009, || 0) += row);
            map.retain(|key| key % 3 != 0);
            (0..500).for_each(|row| *map.entry(row * 7, || 0) += row);
        }
        let tracked: Vec<_> = tracked.drain().collect();
        assert!(noted.drain().eq(tracked));
    }
}
