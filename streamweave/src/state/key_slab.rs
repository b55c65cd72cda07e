//! A hash map whose entries have numbers, by which they are found without their keys.

use std::hash::{BuildHasher, Hash};
use std::ops::{Index, IndexMut};

use foldhash::fast::FixedState;
use hashbrown::hash_table::Entry as TableEntry;
use serde::{Deserialize, Serialize};

use super::codec::{Unreadable, decode};
use super::divide::SAME_KEY;
use super::map::stripe::{Encode, Slot, Stripe, encode};
use super::part::Saving;
use super::records::{no_entries, slots_of};
use super::saved_as::SavedAs;
use super::storable::Storable;
use super::{Fields, Mismatch, SameKey, State};

/// A value for each key, at a place that stays the same for as long as the key is there.
///
/// The places of keys that have gone are used again, last gone first, together with what their values have allocated: a value
/// that is [released](KeySlab::release) is not dropped, and whoever releases it empties it before. The hasher is fast and
/// has a fixed seed: places depend on which keys came and went, in which order, and on nothing else (rule Z1).
///
/// It is saved as a [`Map`](super::Map) is, an entry a slot: what has changed since the last cut, in slices. What was lent to be changed
/// counts as changed.
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
    entries: Stripe<Held<K>, V>,
    /// The place that is used next, or [`NONE`].
    free: u32,
    hasher: FixedState,
    /// Where the graph has checkpoints: how to write entries.
    encode: Option<Encode<Held<K>, V>>,
    saved_as: SavedAs,
}

/// What is at a place.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Held<K> {
    #[serde(rename = "k")]
    Key(K),
    /// None, and the place that is used after this one, or [`NONE`].
    #[serde(rename = "f")]
    Free(u32),
}

/// No place.
const NONE: u32 = u32::MAX;

impl<K> Held<K> {
    #[inline(always)]
    fn key(&self) -> Option<&K> {
        match self {
            Held::Key(key) => Some(key),
            Held::Free(_) => None,
        }
    }
}

impl<K, V> Default for KeySlab<K, V> {
    fn default() -> Self {
        KeySlab {
            entries: Stripe::default(),
            free: NONE,
            hasher: FixedState::default(),
            encode: None,
            saved_as: SavedAs::new(),
        }
    }
}

impl<K, V> KeySlab<K, V> {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.index.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.index.is_empty()
    }

    /// Whether a place is taken.
    pub fn is_taken(&self, place: u32) -> bool {
        self.entries.slots.get(place as usize).is_some_and(|slot| slot.key.key().is_some())
    }

    /// The key at a place.
    ///
    /// # Panics
    ///
    /// Where the place is free.
    #[inline]
    pub fn key(&self, place: u32) -> &K {
        self.entries.slots[place as usize].key.key().expect("the place is taken")
    }

    /// The key and the value at a place.
    ///
    /// # Panics
    ///
    /// Where the place is free.
    #[inline]
    pub fn at(&mut self, place: u32) -> (&K, &mut V) {
        self.touch(place);
        let Slot { key, value } = &mut self.entries.slots[place as usize];
        (key.key().expect("the place is taken"), value)
    }

    /// The key and the value at a place, to change of it what is not saved: the entry does not count as changed.
    ///
    /// # Panics
    ///
    /// Where the place is free.
    #[inline]
    pub(crate) fn at_unsaved(&mut self, place: u32) -> (&K, &mut V) {
        let Slot { key, value } = &mut self.entries.slots[place as usize];
        (key.key().expect("the place is taken"), value)
    }

    /// The key and the value at a place, unless it is free.
    #[inline]
    pub fn get(&mut self, place: u32) -> Option<(&K, &mut V)> {
        if !self.is_taken(place) {
            return None;
        }
        Some(self.at(place))
    }

    /// The places that are taken, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &K, &V)> {
        let slots = (0..).zip(&self.entries.slots);
        slots.filter_map(|(place, Slot { key, value })| Some((place, key.key()?, value)))
    }

    /// Every value, as it was loaded, to be made whole; that is no change.
    pub(crate) fn complete(&mut self, complete: impl FnMut(&mut V)) {
        self.values_mut().for_each(complete);
    }

    /// Every value, of what is not saved any more as it is.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let slots = self.entries.slots.iter_mut().filter(|slot| slot.key.key().is_some());
        slots.map(|slot| &mut slot.value)
    }

    #[inline(always)]
    fn touch(&mut self, place: u32) {
        if let Some(encode) = self.encode {
            self.entries.touch(place, encode);
        }
    }
}

impl<K: Hash + Eq, V> KeySlab<K, V> {
    /// Drops the key at a place, which has become free; nothing happens where it is.
    pub fn release(&mut self, place: u32) {
        if !self.is_taken(place) {
            return;
        }
        self.touch(place);
        let freed = std::mem::replace(&mut self.entries.slots[place as usize].key, Held::Free(self.free));
        if let Held::Key(key) = freed {
            let hash = self.hasher.hash_one(&key);
            if let Ok(found) = self.entries.index.find_entry(hash, |&other| other == place) {
                found.remove();
            }
        }
        self.free = place;
        if self.encode.is_some() {
            self.entries.appeared(place);
        }
    }

    /// The place of a key, if it has one.
    #[inline]
    pub fn find(&self, key: &K) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        let Stripe { index, slots, .. } = &self.entries;
        index.find(hash, |&place| slots[place as usize].key.key() == Some(key)).copied()
    }
}

impl<K: Hash + Eq, V: Default> KeySlab<K, V> {
    /// The place of a key; a new one has an empty value.
    ///
    /// # Panics
    ///
    /// Where there would be more than 2^31 keys.
    #[inline]
    pub fn place(&mut self, key: K) -> u32 {
        let hash = self.hasher.hash_one(&key);
        let Stripe { index, slots, .. } = &mut self.entries;
        let hasher = &self.hasher;
        let found = index.entry(
            hash,
            |&place| slots[place as usize].key.key() == Some(&key),
            |&place| hasher.hash_one(slots[place as usize].key.key().expect("the place is taken")),
        );
        let (place, is_used_again) = match found {
            TableEntry::Occupied(found) => return *found.get(),
            TableEntry::Vacant(vacant) => {
                let is_used_again = self.free != NONE;
                let place = if is_used_again {
                    self.free
                } else {
                    let place = u32::try_from(slots.len()).ok().filter(|place| *place < 1 << 31);
                    place.expect("at most 2^31 keys in one map")
                };
                vacant.insert(place);
                (place, is_used_again)
            }
        };
        if is_used_again {
            self.touch(place);
            let slot = &mut self.entries.slots[place as usize];
            if let Held::Free(next) = std::mem::replace(&mut slot.key, Held::Key(key)) {
                self.free = next;
            }
        } else {
            self.entries.slots.push(Slot { key: Held::Key(key), value: V::default() });
        }
        if self.encode.is_some() {
            self.entries.appeared(place);
        }
        place
    }

    /// Forgets the keys of which `keep` does not say so; the others stay at their places.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let places = (0..).zip(&self.entries.slots);
        let gone = places.filter(|(_, slot)| slot.key.key().is_some_and(|key| !keep(key)));
        let gone: Vec<u32> = gone.map(|(place, _)| place).collect();
        for place in gone {
            self[place] = V::default();
            self.release(place);
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
        let entries = other.entries.slots.into_iter().map(|Slot { key, value }| {
            let Held::Key(key) = key else { return Ok(None) };
            if !keep(&key) {
                return Ok(None);
            }
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

impl<K: Storable + Hash + Eq, V: Storable + Default> KeySlab<K, V> {
    /// Notes from now on which entries change.
    pub(super) fn track(&mut self) {
        self.encode = Some(encode);
    }

    /// The place that is used next: what is saved beside the entries.
    pub(super) fn next_free(&mut self) -> &mut u32 {
        &mut self.free
    }

    /// What is here was loaded from this field as it was saved: the next cut goes on from there.
    pub(super) fn goes_on(&mut self, node: &str, field: &str, cut: u64) {
        self.saved_as.set(node, field, cut);
    }

    /// Freezes what has changed since the last cut, or everything; and writes as much of it as the budget allows.
    pub(super) fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        let is_known = self.saved_as.cut(node, field, saving);
        self.track();
        self.entries.cut(saving.full || !is_known, !saving.full);
        self.slice(saving);
    }

    /// Writes more of what is frozen, as long as the budget lasts.
    pub(super) fn slice(&mut self, saving: &mut Saving) {
        if let (Some(encode), Some(saved_as)) = (self.encode, self.saved_as.name()) {
            self.entries.slice::<K, V>(encode, saved_as, saving);
        }
    }

    /// Loads what was saved, at the places at which it was.
    pub(super) fn load<'a>(
        &mut self,
        pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
    ) -> Result<(), Unreadable> {
        if self.entries.has_saved() {
            return Err(Unreadable::broken(SAME_KEY));
        }
        // Keys that were there from the start are among those that were saved.
        self.entries.clear();
        for slot in slots_of(pieces)?.iter().flat_map(|slots| slots.iter()) {
            let (key, value) = slot.ok_or_else(no_entries)?;
            let place = u32::try_from(self.entries.slots.len()).expect("places are 32 bits wide");
            let key: Held<K> = decode(key)?;
            if let Some(key) = key.key() {
                let (hash, hasher, slots) = (self.hasher.hash_one(key), &self.hasher, &self.entries.slots);
                self.entries.index.insert_unique(hash, place, |&place| {
                    hasher.hash_one(slots[place as usize].key.key().expect("only keys are indexed"))
                });
            }
            self.entries.slots.push(Slot { key, value: decode(value)? });
        }
        self.entries.is_saved();
        Ok(())
    }

    /// Whether the free places are those that the entries say; which a load has to know before one of them is used.
    pub(super) fn is_whole(&self) -> bool {
        let slots = &self.entries.slots;
        let mut next = self.free;
        for _ in self.len()..slots.len() {
            let Some(Slot { key: Held::Free(after), .. }) = slots.get(next as usize) else { return false };
            next = *after;
        }
        next == NONE
    }
}

impl<K: Storable + Hash + Eq, V: Storable + Default> State for KeySlab<K, V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.key_slab("", self)
    }
}

impl<K, V> Index<u32> for KeySlab<K, V> {
    type Output = V;

    #[inline]
    fn index(&self, place: u32) -> &V {
        &self.entries.slots[place as usize].value
    }
}

impl<K, V> IndexMut<u32> for KeySlab<K, V> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut V {
        self.touch(place);
        &mut self.entries.slots[place as usize].value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ops::AddAssign;

    use super::super::loading::Loading;
    use super::super::{Chance, Part};
    use super::*;

    type Tested = KeySlab<String, u64>;

    fn loaded(parts: &[Part]) -> Tested {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut slab = Tested::default();
        slab.fields(&mut Fields::load(&mut loading)).expect("the same type");
        slab
    }

    fn entries(slab: &Tested) -> Vec<(u32, String, u64)> {
        slab.iter().map(|(place, key, value)| (place, key.clone(), *value)).collect()
    }

    /// The same change of all of them, which comes to the same places.
    fn change(slabs: &mut [&mut Tested], chance: &mut Chance) {
        let key = chance.below(160).to_string();
        let (value, is_going) = (chance.below(9) as u64, chance.below(2) == 0);
        let places = slabs.iter_mut().map(|slab| match slab.find(&key) {
            Some(place) if is_going => {
                slab[place] = 0;
                slab.release(place);
                place
            }
            Some(place) if value == 0 => {
                slab.at(place).1.add_assign(100);
                place
            }
            _ => {
                let place = slab.place(key.clone());
                slab[place] += value;
                place
            }
        });
        let places: Vec<u32> = places.collect();
        assert!(places.windows(2).all(|pair| pair[0] == pair[1]), "{places:?}");
    }

    #[test]
    fn what_is_cut_while_it_changes_has_the_same_places_and_gives_the_same_ones_next() {
        for seed in 0..60 {
            let (mut chance, mut slab) = (Chance(seed), Tested::default());
            let (mut parts, mut number) = (Vec::<Part>::new(), 0);
            for cut in 0..12 {
                (0..chance.below(200)).for_each(|_| change(&mut [&mut slab], &mut chance));
                if chance.below(6) == 0 && cut > 0 {
                    // A restart behind the last cut.
                    slab = loaded(&parts);
                    number = 0;
                    (0..chance.below(50)).for_each(|_| change(&mut [&mut slab], &mut chance));
                }
                let mut expected = slab.clone();
                number += 1;
                let full = cut == 0 || chance.below(6) == 0;
                let mut saving = Saving { full, number, budget: chance.below(70), ..Saving::default() };
                slab.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
                let mut unfinished = !saving.unfinished.is_empty();
                parts.append(&mut saving.parts);
                while unfinished {
                    (0..chance.below(30)).for_each(|_| change(&mut [&mut slab], &mut chance));
                    let mut saving = Saving { budget: 1 + chance.below(70), ..Saving::default() };
                    slab.fields(&mut Fields::slice(&mut saving)).expect("nothing is loaded");
                    assert!(!saving.seen.is_empty());
                    unfinished = !saving.unfinished.is_empty();
                    parts.append(&mut saving.parts);
                }
                let mut restored = loaded(&parts);
                assert_eq!(entries(&restored), entries(&expected), "seed {seed}, cut {cut}");
                let mut chance = chance.clone();
                (0..300).for_each(|_| change(&mut [&mut restored, &mut expected], &mut chance));
                assert_eq!(entries(&restored), entries(&expected), "seed {seed}, cut {cut}, afterwards");
            }
        }
    }

    #[test]
    fn bytes_written_follow_the_change() {
        let (mut slab, mut number) = (Tested::default(), 0);
        (0..10_000).for_each(|key: u64| {
            let place = slab.place(key.to_string());
            slab[place] = key;
        });
        let mut written = |slab: &mut Tested| {
            number += 1;
            let mut saving = Saving { full: number == 1, number, budget: usize::MAX, ..Saving::default() };
            slab.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
            let slots = saving.parts.iter().filter(|part| part.content.is_of_map());
            slots.map(|part| part.bytes.len()).sum::<usize>()
        };
        assert!(written(&mut slab) > 100_000);
        assert_eq!(written(&mut slab), 0);
        (0..10).for_each(|place| slab[place * 77] += 1);
        assert!((30..100).contains(&written(&mut slab)));
        // Those that go and that come in their places.
        (0..10).for_each(|place| slab.release(place));
        (0..5).for_each(|key| _ = slab.place(format!("new {key}")));
        assert!((100..300).contains(&written(&mut slab)));
    }

    #[test]
    fn free_places_that_are_not_free_are_refused() {
        let mut slab = Tested::default();
        (0..4).for_each(|key| _ = slab.place(key.to_string()));
        slab.release(2);
        slab.release(1);
        assert!(slab.is_whole());
        for free in [NONE, 0, 2, 9] {
            *slab.next_free() = free;
            assert!(!slab.is_whole(), "{free}");
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
            slab.iter().map(|(place, key, value)| (place, *key, *value)).collect();
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
        assert!(slab.entries.slots.len() <= 60);
    }
}
