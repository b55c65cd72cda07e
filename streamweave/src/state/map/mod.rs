//! A map by key that can be saved while it changes.
//!
//! The entries of a stripe stand in a `Vec` of slots, in order of arrival but for holes, which the last entry fills; an index table finds
//! them by key. A slot is what is saved: a checkpoint holds the slots that were written since the one before, each with its key only where
//! the key is new to the slot, and the number of slots. So bytes written follow the change, and a stripe is loaded slot by slot without
//! its hashes.
//!
//! A cut costs no copy. It hands the set of written slots, a bit for each, over to the slices that follow, and an entry that changes
//! before its slice comes is written out as it was first. A slice goes through the bits, and so through memory in its order. A stripe
//! holds the 256th part of the keys, so that neither its slice nor the growth of its table stops the graph for long.

pub(super) mod stripe;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hash};
use std::ops::Index;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::hash_table::Entry as TableEntry;
use serde::{Serialize, de::DeserializeOwned};

use self::stripe::{Encode, Slot, Stripe};
use super::codec::Unreadable;
use super::divide::{SAME_KEY, SameKey};
use super::part::Saving;
use super::records::{STRIPES, no_entries, slots_of};
use super::saved_as::SavedAs;
use super::shard::Shard;
use super::stable_hash::stable_hash_of_bytes;

/// So many entries of a stripe are written together, whatever the budget.
const WHOLE: usize = 1 << 12;

/// A value for each key, for the state of a node.
///
/// It is saved and loaded as a part of a graph's checkpoints, at a cost that follows what changed, without stopping the graph; in a
/// graph without checkpoints it is a hash map. Entries are given in an order that depends on which keys came and went, in which order, and
/// on nothing else; a restore keeps it (rule Z1). The hasher is fast and has a fixed seed: keys chosen by an adversary can be made to
/// collide.
///
/// # Examples
///
/// ```
/// use streamweave::state::Map;
///
/// let mut totals: Map<String, u64> = Map::new();
/// for (name, value) in [("warp", 3), ("weft", 1), ("warp", 4)] {
///     *totals.entry(name.to_owned(), || 0) += value;
/// }
/// assert_eq!(totals.get("warp"), Some(&7));
/// assert_eq!(totals.remove("weft"), Some(1));
/// assert_eq!(totals.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Map<K, V> {
    /// Empty until the first key comes.
    stripes: Vec<Stripe<K, V>>,
    hasher: FixedState,
    len: usize,
    /// Where the graph has checkpoints: how to write entries.
    encode: Option<Encode<K, V>>,
    /// For how many entries each counts that a slice writes, if not for one.
    weight: Option<fn(&V) -> usize>,
    /// The first stripe that the cut at hand has not written.
    next: usize,
    saved_as: SavedAs,
}

/// Where an entry stands, for as long as none is removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    stripe: u32,
    slot: u32,
}

/// In one table the buckets are numbered.
impl Place {
    #[inline(always)]
    pub(super) fn of_bucket(bucket: usize) -> Self {
        Place { stripe: (bucket as u64 >> 32) as u32, slot: bucket as u32 }
    }

    #[inline(always)]
    pub(super) fn bucket(self) -> usize {
        (u64::from(self.stripe) << 32 | u64::from(self.slot)) as usize
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map::new()
    }
}

impl<K, V> Map<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        Map {
            stripes: Vec::new(),
            hasher: FixedState::with_seed(0),
            len: 0,
            encode: None,
            weight: None,
            next: STRIPES,
            saved_as: SavedAs::new(),
        }
    }

    /// An empty map whose entries count for as many in a slice as `weight` says.
    pub(crate) fn weighing(weight: fn(&V) -> usize) -> Self {
        let mut map = Map::new();
        map.weight = Some(weight);
        map
    }

    /// Whether a cut has frozen what no slice has written yet.
    pub(crate) fn is_frozen(&self) -> bool {
        self.next < self.stripes.len()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every key with its value, in an order that a restore keeps.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.stripes.iter().flat_map(|stripe| &stripe.slots).map(|slot| (&slot.key, &slot.value))
    }

    /// Every key with its value, which may be changed; all count as written then.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        if let Some(encode) = self.encode {
            self.stripes.iter_mut().for_each(|stripe| stripe.touch_all(encode));
        }
        let slots = self.stripes.iter_mut().flat_map(|stripe| &mut stripe.slots);
        slots.map(|slot| (&slot.key, &mut slot.value))
    }

    /// Every value, as it was loaded, to be made whole; that is no change.
    pub(crate) fn complete(&mut self, mut complete: impl FnMut(&K, &mut V)) {
        self.stripes
            .iter_mut()
            .flat_map(|stripe| &mut stripe.slots)
            .for_each(|slot| complete(&slot.key, &mut slot.value));
    }

    /// Takes every key with its value, in no order that is promised. What a cut has frozen of them can still be written.
    pub(super) fn take_all(&mut self) -> Vec<(K, V)> {
        let mut all = Vec::with_capacity(self.len);
        let is_frozen = self.is_frozen();
        for stripe in &mut self.stripes {
            if let Some(encode) = self.encode.filter(|_| is_frozen) {
                stripe.touch_all(encode);
            }
            all.extend(stripe.slots.drain(..).map(|slot| (slot.key, slot.value)));
            stripe.clear();
        }
        self.len = 0;
        all
    }

    fn stripe(&mut self, hash: u64) -> &mut Stripe<K, V> {
        if self.stripes.is_empty() {
            self.stripes.resize_with(STRIPES, Stripe::default);
        }
        &mut self.stripes[stripe_of(hash)]
    }
}

/// The low bits find a place in a stripe's index, the highest tell its entries apart.
#[inline(always)]
fn stripe_of(hash: u64) -> usize {
    (hash >> 40) as usize % STRIPES
}

impl<K: Hash + Eq, V> Map<K, V> {
    /// The value of a key.
    #[inline]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let stripe = self.stripes.get(stripe_of(hash))?;
        let place = stripe.index.find(hash, |&place| stripe.slots[place as usize].key.borrow() == key)?;
        Some(&stripe.slots[*place as usize].value)
    }

    /// Whether there is such a key.
    #[inline]
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed.
    #[inline]
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let encode = self.encode;
        let stripe = self.stripes.get_mut(stripe_of(hash))?;
        let place = *stripe.index.find(hash, |&place| stripe.slots[place as usize].key.borrow() == key)?;
        if let Some(encode) = encode {
            stripe.touch(place, encode);
        }
        Some(&mut stripe.slots[place as usize].value)
    }

    /// The value of a key, made by `init` where the key is new.
    ///
    /// # Panics
    ///
    /// Where a stripe would hold more than 2^31 keys.
    #[inline]
    pub fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        let Place { stripe, slot } = self.place(key, init);
        &mut self.stripes[stripe as usize].slots[slot as usize].value
    }

    /// As [`entry`](Map::entry): where the value stands.
    #[inline]
    pub(crate) fn place(&mut self, key: K, init: impl FnOnce() -> V) -> Place {
        let hash = self.hasher.hash_one(&key);
        let (hasher, encode) = (self.hasher.clone(), self.encode);
        let len = self.len;
        let stripe = self.stripe(hash);
        let slots = &mut stripe.slots;
        let found = stripe.index.entry(
            hash,
            |&place| slots[place as usize].key == key,
            |&place| hasher.hash_one(&slots[place as usize].key),
        );
        let (place, is_new) = match found {
            TableEntry::Occupied(found) => (*found.get(), false),
            TableEntry::Vacant(vacant) => {
                let place = u32::try_from(slots.len()).ok().filter(|place| *place < 1 << 31);
                let place = place.expect("at most 2^31 keys in one stripe");
                vacant.insert(place);
                slots.push(Slot { key, value: init() });
                (place, true)
            }
        };
        if let Some(encode) = encode {
            if is_new {
                stripe.appeared(place);
            } else {
                stripe.touch(place, encode);
            }
        }
        self.len = len + usize::from(is_new);
        Place { stripe: stripe_of(hash) as u32, slot: place }
    }

    /// Where the value of a key stands: to look at it first, and to change it without another look-up.
    #[inline]
    pub(crate) fn find(&self, key: &K) -> Option<Place> {
        let hash = self.hasher.hash_one(key);
        let stripe = self.stripes.get(stripe_of(hash))?;
        let slot = *stripe.index.find(hash, |&place| stripe.slots[place as usize].key == *key)?;
        Some(Place { stripe: stripe_of(hash) as u32, slot })
    }

    /// The key and the value at a place, to be changed.
    #[inline]
    pub(crate) fn at_mut(&mut self, Place { stripe, slot }: Place) -> (&K, &mut V) {
        let stripe = &mut self.stripes[stripe as usize];
        if let Some(encode) = self.encode {
            stripe.touch(slot, encode);
        }
        let Slot { key, value } = &mut stripe.slots[slot as usize];
        (key, value)
    }

    /// Removes what is at a place, and be it of a key that does not equal itself.
    pub(crate) fn remove_at(&mut self, Place { stripe, slot }: Place) -> V {
        let Stripe { index, slots, .. } = &mut self.stripes[stripe as usize];
        let hash = self.hasher.hash_one(&slots[slot as usize].key);
        if let Ok(found) = index.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
        self.fill(stripe as usize, slot)
    }

    /// Sets the value of a key; gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let mut new = Some(value);
        let known = self.entry(key, || new.take().expect("it is made once"));
        new.map(|value| std::mem::replace(known, value))
    }

    /// Removes a key; gives its value.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let Stripe { index, slots, .. } = self.stripes.get_mut(stripe_of(hash))?;
        let found = index.find_entry(hash, |&place| slots[place as usize].key.borrow() == key).ok()?;
        let (place, _) = found.remove();
        Some(self.fill(stripe_of(hash), place))
    }

    /// Takes out what is at a place that is indexed no more; the last entry of the stripe fills it.
    fn fill(&mut self, stripe: usize, place: u32) -> V {
        let (hasher, encode) = (&self.hasher, self.encode);
        let stripe = &mut self.stripes[stripe];
        let last = u32::try_from(stripe.slots.len() - 1).expect("places are 32 bits wide");
        if last != place {
            let moved = hasher.hash_one(&stripe.slots[last as usize].key);
            let at = stripe.index.find_mut(moved, |&other| other == last).expect("every slot is indexed");
            *at = place;
        }
        if let Some(encode) = encode {
            stripe.touch(place, encode);
            stripe.touch(last, encode);
        }
        let removed = stripe.slots.swap_remove(place as usize);
        if encode.is_some() && last != place {
            stripe.appeared(place);
        }
        self.len -= 1;
        removed.value
    }

    /// Takes over the entries of another map, behind its own in each stripe.
    ///
    /// # Errors
    ///
    /// A key is in both.
    pub(crate) fn absorb(&mut self, other: Self) -> Result<(), SameKey> {
        for Slot { key, value } in other.stripes.into_iter().flat_map(|stripe| stripe.slots) {
            if self.insert(key, value).is_some() {
                return Err(SameKey);
            }
        }
        Ok(())
    }

    /// An entry by its number among all places that there are, around and around; `None` at an empty place.
    pub(super) fn around(&self, number: usize) -> Option<(&K, &V)> {
        let stripe = self.stripes.get(number % STRIPES)?;
        let slot = stripe.slots.get(number / STRIPES % stripe.slots.len().max(1))?;
        Some((&slot.key, &slot.value))
    }

    /// Keeps the entries of which `keep` says so, which does not change them.
    pub(super) fn retain_untouched(&mut self, mut keep: impl FnMut(&K, &V) -> bool)
    where
        K: Clone,
    {
        for stripe in 0..self.stripes.len() {
            let mut place = 0;
            while let Some(Slot { key, value }) = self.stripes[stripe].slots.get(place) {
                if keep(key, value) {
                    place += 1;
                } else {
                    let key = key.clone();
                    self.remove(&key);
                }
            }
        }
    }

    /// Keeps the entries of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool)
    where
        K: Clone,
    {
        for stripe in 0..self.stripes.len() {
            let mut place = 0;
            while place < self.stripes[stripe].slots.len() {
                let encode = self.encode;
                let at = &mut self.stripes[stripe];
                if let Some(encode) = encode {
                    at.touch(u32::try_from(place).expect("places are 32 bits wide"), encode);
                }
                let Slot { key, value } = &mut at.slots[place];
                if keep(key, value) {
                    place += 1;
                } else {
                    let key = key.clone();
                    self.remove(&key);
                }
            }
        }
    }

    /// Removes every key.
    pub fn clear(&mut self) {
        let encode = self.encode;
        for stripe in &mut self.stripes {
            if let Some(encode) = encode {
                stripe.touch_all(encode);
            }
            stripe.clear();
        }
        self.len = 0;
    }
}

impl<K: Serialize + DeserializeOwned + Hash + Eq, V: Serialize + DeserializeOwned> Map<K, V> {
    /// Notes from now on which entries change.
    pub(super) fn track(&mut self) {
        self.encode = Some(stripe::encode);
    }

    /// What is here was loaded from this field as it was saved: the next cut goes on from there.
    pub(super) fn goes_on(&mut self, node: &str, field: &str, cut: u64) {
        self.saved_as.set(node, field, cut);
    }

    /// Freezes what has changed since the last cut, or everything; and writes as much of it as the budget allows.
    pub(super) fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        let is_known = self.saved_as.cut(node, field, saving);
        let full = saving.full || !is_known;
        if !is_known {
            self.track();
            // Another map may have been saved under this name: that this one is empty has to be said, too.
            if !saving.full && self.stripes.is_empty() {
                self.stripes.resize_with(STRIPES, Stripe::default);
            }
        }
        // Where everything is saved anew nothing need be said of a stripe that is empty.
        self.stripes.iter_mut().for_each(|stripe| stripe.cut(full, !saving.full));
        self.next = 0;
        self.slice(saving);
    }

    /// Writes more of what is frozen, under the name under which it was, as long as the budget lasts.
    pub(super) fn slice(&mut self, saving: &mut Saving) {
        let (Some(encode), Some(saved_as)) = (self.encode, self.saved_as.name()) else { return };
        if self.is_frozen() {
            saving.seen.insert(Arc::clone(&saved_as));
        }
        while let Some(stripe) = self.stripes.get_mut(self.next) {
            if saving.budget == 0 {
                saving.unfinished.insert(saved_as);
                return;
            }
            let number = u16::try_from(self.next).expect("there are 256 stripes");
            // A stripe is seldom divided.
            match stripe.write(number, encode, self.weight, saving.budget.max(WHOLE)) {
                None => self.next += 1,
                Some(written) => written.into_part::<K, V>(&saved_as, saving),
            }
        }
    }

    /// Adds those of the entries that were saved which belong to a shard; `same` says what becomes of a key that another shard has saved, too.
    pub(super) fn load_owned<'a>(
        &mut self,
        pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
        shard: Shard,
        mut same: impl FnMut(&mut V, V) -> Result<(), SameKey>,
    ) -> Result<(), Unreadable> {
        for slot in slots_of(pieces)?.iter().flat_map(|slots| slots.iter()) {
            let (key, value) = slot.ok_or_else(no_entries)?;
            if !shard.owns(stable_hash_of_bytes(key)) {
                continue;
            }
            let mut value = Some(super::codec::decode(value)?);
            let known = self.entry(super::codec::decode(key)?, || value.take().expect("it is made once"));
            if let Some(value) = value {
                same(known, value).map_err(|SameKey| Unreadable::broken(SAME_KEY))?;
            }
        }
        Ok(())
    }

    /// Loads what was saved, in the order in which it was.
    pub(super) fn load<'a>(
        &mut self,
        pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
    ) -> Result<(), Unreadable> {
        let stripes = slots_of(pieces)?;
        self.stripes.clear();
        self.len = 0;
        for slots in &stripes {
            let mut stripe = Stripe::with_capacity(slots.len());
            for slot in slots.iter() {
                let (key, value) = slot.ok_or_else(no_entries)?;
                let (key, value): (K, V) = (super::codec::decode(key)?, super::codec::decode(value)?);
                let hash = self.hasher.hash_one(&key);
                let (place, hasher) = (stripe.slots.len() as u32, &self.hasher);
                stripe.slots.push(Slot { key, value });
                let slots = &stripe.slots;
                stripe.index.insert_unique(hash, place, |&place| hasher.hash_one(&slots[place as usize].key));
            }
            stripe.is_saved();
            self.stripes.push(stripe);
            self.len += slots.len();
        }
        Ok(())
    }
}

impl<K, V> Index<Place> for Map<K, V> {
    type Output = V;

    #[inline]
    fn index(&self, Place { stripe, slot }: Place) -> &V {
        &self.stripes[stripe as usize].slots[slot as usize].value
    }
}

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Map::new();
        map.extend(entries);
        map
    }
}

impl<K: Hash + Eq, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}
